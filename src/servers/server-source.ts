import { describeCommand, maskText } from '../mask.js'
import type { StdioCommand } from './child-processes.js'

/** Where a server's instances come from. */
export type ServerSource =
  | { kind: 'bundled' }
  /** `name` is what people call it. */
  | { kind: 'module', file: string, name: string }
  | { kind: 'command', command: StdioCommand }

/** A server of a file: its name is the path segment under which it is served. */
export interface NamedSource {
  name: string
  source: ServerSource
}

/** A server in a few words, masked: for the log and for errors. */
export function describeSource (source: ServerSource): string {
  switch (source.kind) {
    case 'bundled': return 'aareguru-mcp'
    case 'module': return maskText(source.name)
    case 'command': return describeCommand(source.command)
  }
}
