import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { until } from '../helper.js'
import { serve, type RunningProcess } from '../process.js'

/** Seconds that a request in flight would hold a process that is told to end. */
const DRAIN_SECONDS = 200

/** A server from npm that nobody here wrote, behind `mcp-weir -- …`. */
export interface RealServer extends RunningProcess {
  /** Waits until its last session has ended, and the session's child with it. */
  quiet: () => Promise<void>
  /** Tells it to end, and checks that it leaves nothing behind. */
  end: () => Promise<void>
}

/** Runs a server of this package's dev dependencies behind the command, without `npx`: tests have no network. */
export async function serveReal (t: Test, name: string, { args = [], flags = [], cwd }: { args?: string[], flags?: string[], cwd: string }): Promise<RealServer> {
  const running = await serve(t, {
    cwd,
    args: [...flags, '--', process.execPath, programOf(name), ...args],
    env: { RATE_LIMIT_PER_MINUTE: '0', LOG_LEVEL: 'debug', DRAIN_TIMEOUT_SECONDS: String(DRAIN_SECONDS) }
  })
  const children = () => running.lines().flatMap(({ msg, child }) => msg === 'stdio server started' ? [Number(child)] : [])
  const quiet = async () => { await until(() => !children().some(isAlive)) }
  return {
    ...running,
    quiet,
    end: async () => {
      const started = await descendantsOf(running.child.pid)
      t.ok(children().length > 1, 'there were children')
      const start = performance.now()
      running.child.kill('SIGTERM')
      t.equal(await running.exited, 0, 'exit code')
      t.ok(performance.now() - start < DRAIN_SECONDS * 500, 'nothing was in flight')
      t.same([...started, ...children()].filter(isAlive), [], 'no process is left')
      t.equal(running.stdout(), '', 'nothing on stdout')
      t.same(running.lines().filter(({ level }) => Number(level) >= 40), [], 'no warning, no error')
    }
  }
}

/** The program that a package's `bin` names. */
function programOf (name: string): string {
  const folder = fileURLToPath(new URL(`../../node_modules/@modelcontextprotocol/${name}`, import.meta.url))
  const { bin } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { bin: Record<string, string> }
  return path.join(folder, String(Object.values(bin)[0]))
}

/** The processes that a process started, and those that they did. */
async function descendantsOf (pid: number | undefined): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  const pairs = stdout.trim().split('\n').map(line => line.trim().split(/\s+/).map(Number))
  const found = [pid]
  // Parents come before their children are looked for: the list grows while it is read.
  for (const parent of found) found.push(...pairs.flatMap(([child, ppid]) => ppid === parent && child !== undefined ? [child] : []))
  return found.slice(1).map(Number)
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
