import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser'
import { errors } from '../errors.js'
import { childEnvironment } from './child-environment.js'
import { references } from './references.js'
import type { NamedSource } from './server-source.js'

const Text = Type.String({ minLength: 1 })
const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

/** One entry, with what Weir takes of it. */
const EntrySchema = Type.Object({
  type: Type.Optional(Type.String()),
  command: Type.Optional(Text),
  args: Type.Optional(Type.Array(Type.String())),
  env: Type.Optional(Type.Record(Type.String({ pattern: '^[^=]+$' }), Value, { additionalProperties: false })),
  cwd: Type.Optional(Text),
  module: Type.Optional(Text),
  disabled: Type.Optional(Type.Boolean())
})
type Entry = Static<typeof EntrySchema>

const entries = TypeCompiler.Compile(EntrySchema)

/** What the clients have besides: it is theirs, and means nothing here. */
const ofClients = ['type', 'disabled', 'alwaysAllow', 'autoApprove', 'disabledTools', 'enabledTools', 'timeout', 'description', 'title', 'icon', 'version', 'gallery', 'dev', 'sandboxEnabled', 'trust', '$schema']

/** A name becomes a segment of a path, and a label of metrics. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Paths of the process's own, and those that clients look for at the root. */
const reserved = ['health', 'metrics', 'mcp', 'sse', 'messages', 'ws', 'oauth', 'authorize', 'token', 'register', 'favicon.ico', 'robots.txt']

/** What a file serves, and what of it is left out. */
export interface McpJson {
  servers: NamedSource[]
  /** One line each. */
  warnings: string[]
}

/**
 * Reads an `mcp.json`: `mcpServers` as Claude Desktop and Cursor have it, `servers` as VS Code has it, comments and trailing
 * commas allowed. Relative paths start at the project: the file's folder or, for one in `.vscode` or `.cursor`, the folder above.
 * @throws WEIR_ERR_INVALID_CONFIG with one line in `detail`: the file, the server, the field, and its rule.
 */
export function readMcpJson (file: string, env: NodeJS.ProcessEnv): McpJson {
  const folder = path.dirname(path.resolve(file))
  const project = ['.vscode', '.cursor'].includes(path.basename(folder)) ? path.dirname(folder) : folder
  const warnings: string[] = []
  const servers = Object.entries(listOf(file)).flatMap(([name, value]) => {
    const where = `${file}: ${JSON.stringify(name)}`
    const entry = entryOf(where, value)
    if (entry.disabled === true) return leaveOut(`${where} is left out: it is disabled`)
    if (isRemote(entry, value as object)) return leaveOut(`${where} is left out: it is reached by a URL; Weir serves commands and modules`)
    assertName(where, name)
    for (const field of Object.keys(value as object)) {
      if (!(field in EntrySchema.properties) && !ofClients.includes(field)) warnings.push(`${where}: ${field} is no field that Weir knows`)
    }
    return [{ name, source: sourceOf(where, entry) }]
  })
  if (servers.length === 0) throw invalid(file, `it has no server to serve${warnings[0] === undefined ? '' : `: ${warnings[0]}`}`)
  return { servers, warnings }

  function leaveOut (warning: string): [] {
    warnings.push(warning)
    return []
  }

  function sourceOf (where: string, entry: Entry): NamedSource['source'] {
    const expand = references(env, { userHome: homedir(), workspaceFolder: project, workspaceFolderBasename: path.basename(project), pathSeparator: path.sep, '/': path.sep })
    const value = (field: string, text: string): string => {
      try {
        return expand(text)
      } catch (error) {
        throw invalid(where, `${field}: ${(error as Error).message}`)
      }
    }
    if (entry.module !== undefined) {
      const ofCommand = (['command', 'args', 'env', 'cwd'] as const).find(field => entry[field] !== undefined)
      if (ofCommand !== undefined) throw invalid(where, `module and ${ofCommand} don't go together: a module is loaded into this process`)
      const module = value('module', entry.module)
      return { kind: 'module', file: path.resolve(project, module), name: module }
    }
    if (entry.command === undefined) throw invalid(where, 'it needs a command or a module')
    const set = Object.fromEntries(Object.entries(entry.env ?? {}).map(([name, text]) => [name, value(`env.${name}`, String(text))]))
    return {
      kind: 'command',
      command: {
        command: value('command', entry.command),
        args: (entry.args ?? []).map((arg, index) => value(`args[${index}]`, arg)),
        env: childEnvironment({ env, set }),
        cwd: path.resolve(project, value('cwd', entry.cwd ?? '.'))
      }
    }
  }
}

function listOf (file: string): Record<string, unknown> {
  const problems: ParseError[] = []
  const text = read(file)
  const content = parse(text, problems, { allowTrailingComma: true }) as unknown
  const [problem] = problems
  if (problem !== undefined) {
    const before = text.slice(0, problem.offset)
    throw invalid(`${file}:${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}`, `it is not JSON: ${printParseErrorCode(problem.error)}`)
  }
  if (!isObject(content)) throw invalid(file, 'it must be an object with mcpServers')
  const { mcpServers, servers } = content
  if (mcpServers !== undefined && servers !== undefined) throw invalid(file, 'it has both mcpServers and servers')
  const list = mcpServers ?? servers
  if (list === undefined) throw invalid(file, 'it has neither mcpServers (Claude Desktop, Cursor) nor servers (VS Code)')
  if (!isObject(list)) throw invalid(file, `${mcpServers === undefined ? 'servers' : 'mcpServers'} must be an object: a name, and what it stands for`)
  return list
}

function read (file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw invalid(file, code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message)
  }
}

function entryOf (where: string, value: unknown): Entry {
  if (!isObject(value)) throw invalid(where, 'it must be an object, such as { "command": "npx", "args": ["…"] }')
  const issue = entries.Errors(value).First()
  if (issue !== undefined) throw invalid(where, `${issue.path.slice(1).replaceAll('/', '.')}: ${issue.message.toLowerCase()}`)
  if ('envFile' in value) throw invalid(where, 'envFile: Weir does not read it; name its variables in env')
  return value
}

function isRemote ({ type, command, module }: Entry, value: object): boolean {
  return (type !== undefined && type !== 'stdio') || (command === undefined && module === undefined && ('url' in value || 'serverUrl' in value || 'httpUrl' in value))
}

function assertName (where: string, name: string): void {
  if (!NAME.test(name)) throw invalid(where, 'a name becomes a part of a path: at most 64 letters, digits, ., _ and -, the first a letter or digit')
  if (reserved.includes(name.toLowerCase())) throw invalid(where, `the name is a path of Weir's own or of clients'; give the server another (not ${reserved.join(', ')})`)
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid (where: string, rule: string) {
  return errors.invalidConfig(`${where}: ${rule}`.replaceAll(/[\r\n]+/g, ' '))
}
