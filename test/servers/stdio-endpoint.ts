import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { ChildProcesses, type ChildProcessesOptions, type StdioCommand } from '../../src/servers/child-processes.js'
import { build, type BuildOptions, type LogLine } from '../helper.js'
import { WireClient } from '../streamable-client.js'

/** A server in plain JavaScript that starts at once: see its file for what its tools do. */
export const CHILD = fileURLToPath(new URL('fixtures/child.mjs', import.meta.url))

export interface StdioOptions extends Omit<BuildOptions, 'createServer'> {
  children?: Partial<ChildProcessesOptions>
  command?: Partial<StdioCommand>
}

/** An endpoint of a stdio command, with all that its children left behind when the test ends. */
export async function stdio (t: Test, { children: childOptions, command, ...options }: StdioOptions = {}) {
  const children = new ChildProcesses({ max: 100, lineLimitBytes: 1_048_576, ...childOptions })
  const built = await build(t, { ...options, createServer: children.createServer({ command: process.execPath, args: [CHILD], env: {}, ...command }) })
  t.teardown(async () => { await children.close() })
  const client = () => new WireClient(`${built.url}/mcp`)
  /** Why children ended, as the log says. */
  const reasons = () => built.lines.filter(({ msg }) => msg === 'stdio server ended').map(({ why }: LogLine) => why)
  return { ...built, built, children, client, open: () => client().open(), reasons }
}

/** Whether a process runs: one that is dead and was not collected does not. */
export function isAlive (pid: unknown): boolean {
  try {
    process.kill(Number(pid), 0)
    return process.platform !== 'linux' || !/^State:\s*Z/m.test(readFileSync(`/proc/${Number(pid)}/status`, 'utf8'))
  } catch {
    return false
  }
}
