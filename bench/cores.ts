import { spawnSync } from 'node:child_process'

/** Ties servers to one core and this process to another. Without `taskset`, or a second core, it does nothing. */
export class Cores implements Disposable {
  /** What this process may use: `0-1`. */
  readonly #all = allowed()
  /** Whether each has a core of its own. */
  readonly apart: boolean

  constructor (serverPids: number[]) {
    const [ofServers, ofClient] = coresOf(this.#all)
    this.apart = ofClient !== undefined && serverPids.every(pid => pin(pid, String(ofServers))) && pin(process.pid, String(ofClient))
  }

  [Symbol.dispose] (): void {
    if (this.apart) pin(process.pid, this.#all)
  }
}

// All threads: V8 collects garbage on some of its own.
function pin (pid: number, cores: string): boolean {
  return spawnSync('taskset', ['-a', '-c', '-p', cores, String(pid)]).status === 0
}

function allowed (): string {
  const { stdout } = spawnSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' })
  return /: ([\d,-]+)\s*$/.exec(stdout ?? '')?.[1] ?? ''
}

/** The numbers in `0,2-3`. */
function coresOf (list: string): number[] {
  return list.split(',').filter(Boolean).flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
