import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { until, type LogLine } from './helper.js'

export interface RunningProcess {
  child: ChildProcess
  /** Where it listens; empty until it does. */
  url: () => string
  /** What it logged. */
  lines: () => LogLine[]
  stdout: () => string
  stderr: () => string
  /** Its exit code, or the signal that ended it. */
  exited: Promise<number | string>
}

/** Runs the command in a process of its own, with nothing of this process's environment that would configure it. */
export function run (t: Test, { args = [], env = {}, preload, cwd = t.testdir({}) }: { args?: string[], env?: Record<string, string>, preload?: string, cwd?: string } = {}): RunningProcess {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(PATH|HOME|_?TAP|TS_NODE|NODE_V8_COVERAGE)/.test(name)))
  const imports = preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]
  const cli = new URL('../src/cli.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [...process.execArgv, ...imports, cli, ...args], { cwd, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const lines = () => stderr.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line) as LogLine)
  return {
    child,
    lines,
    url: () => {
      const address = lines().find(({ msg }) => msg === 'configuration')?.['address']
      return typeof address === 'string' ? address : ''
    },
    stdout: () => stdout,
    stderr: () => stderr,
    exited: once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  }
}

/** Runs the command until it listens, on a port of its own. */
export async function serve (t: Test, options: Parameters<typeof run>[1] = {}): Promise<RunningProcess> {
  const running = run(t, { ...options, env: { HTTP_PORT: '0', ...options.env } })
  await until(() => running.url() !== '' || running.child.exitCode !== null)
  if (running.url() === '') throw new Error(`It did not start: ${running.stderr()}`)
  return running
}
