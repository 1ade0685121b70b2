import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Starts, and says so with its process id, and nothing else: it hears no SIGTERM either. */
export const silent = `
import { appendFileSync } from 'node:fs'
process.on('SIGTERM', () => {})
process.stdin.resume()
appendFileSync('pids', process.pid + '\\n')
setInterval(() => {}, 1_000)
`

/** The process ids that a test's children wrote to the file `pids`. */
export const pids = (cwd: string) => readFileSync(path.join(cwd, 'pids'), 'utf8').trim().split('\n').map(Number)

/** Whether a child has written its id. */
export function started (cwd: string): boolean {
  try {
    return pids(cwd).length > 0
  } catch {
    return false
  }
}

/** Whether a process is there, and no zombie. */
export function lives (pid: number): boolean {
  try {
    process.kill(pid, 0)
    // One that nobody has waited for yet is dead all the same.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
