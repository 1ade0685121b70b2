import { childEnvironment } from './child-environment.js'
import { readMcpJson } from './mcp-json.js'
import type { NamedSource, ServerSource } from './server-source.js'

/** What is asked to be served. */
export type Requested =
  | { kind: 'bundled' }
  | { kind: 'module', file: string }
  | { kind: 'command', command: string, args: string[], set: Record<string, string>, pass: string[] }
  | { kind: 'config', file: string }

/** What a process serves: one server at the root, or those of a file, each under its name. */
export type Serving =
  | { kind: 'single', source: ServerSource }
  | { kind: 'gateway', file: string, servers: NamedSource[], warnings: string[] }

/** What a process serves if it is asked for nothing else. */
export const bundled: Serving = { kind: 'single', source: { kind: 'bundled' } }

/**
 * Finds out what is to be served; nothing is loaded or started yet.
 * @throws WEIR_ERR_USAGE, WEIR_ERR_INVALID_CONFIG, with one line in `detail`.
 */
export function servingOf (requested: Requested, env: NodeJS.ProcessEnv): Serving {
  switch (requested.kind) {
    case 'bundled': return bundled
    case 'module': return { kind: 'single', source: { kind: 'module', file: requested.file, name: requested.file } }
    case 'command': {
      const { command, args, set, pass } = requested
      return { kind: 'single', source: { kind: 'command', command: { command, args, env: childEnvironment({ env, set, pass }) } } }
    }
    case 'config': return { kind: 'gateway', file: requested.file, ...readMcpJson(requested.file, env) }
  }
}
