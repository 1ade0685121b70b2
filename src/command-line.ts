import { parseArgs, type ParseArgsConfig } from 'node:util'
import { errors } from './errors.js'
import { maskText } from './mask.js'
import type { Requested } from './servers/serving.js'

/** What the command is asked to do. */
export type CommandLine =
  | { action: 'help' }
  | { action: 'version' }
  | { action: 'serve' | 'print-config', overrides: Record<string, string>, requested: Requested }

const options = {
  config: { type: 'string' },
  env: { type: 'string', multiple: true },
  'pass-env': { type: 'string', multiple: true },
  host: { type: 'string' },
  port: { type: 'string' },
  'log-level': { type: 'string' },
  'print-config': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' }
} as const satisfies ParseArgsConfig['options']

/** Which variable a flag goes before. */
const variables = { host: 'HTTP_HOST', port: 'HTTP_PORT', 'log-level': 'LOG_LEVEL' } as const

const VARIABLE = /^[A-Za-z_]\w*$/

/**
 * Reads the words after `mcp-weir`.
 * @throws WEIR_ERR_USAGE with one line in `detail`.
 */
export function parseCommandLine (args: readonly string[]): CommandLine {
  // What comes after -- is not ours, whatever it looks like.
  const end = args.indexOf('--')
  const words = end === -1 ? undefined : args.slice(end + 1)
  const { values, positionals } = parseFlags(end === -1 ? args : args.slice(0, end))
  if (values.help === true) return { action: 'help' }
  if (values.version === true) return { action: 'version' }

  const overrides: Record<string, string> = {}
  for (const flag of ['host', 'port', 'log-level'] as const) {
    const value = values[flag]
    if (value?.trim() === '') throw misuse(`--${flag}: it needs a value`)
    if (value !== undefined) overrides[variables[flag]] = value
  }
  const environment = { set: assignments(values.env ?? []), pass: names(values['pass-env'] ?? []) }
  const requested = requestedOf(positionals, words, values.config, environment)
  return { action: values['print-config'] === true ? 'print-config' : 'serve', overrides, requested }
}

function parseFlags (args: readonly string[]) {
  const { values, positionals, tokens } = parse(args)
  const given = new Set<string>()
  for (const token of tokens) {
    if (token.kind !== 'option' || token.name === 'env' || token.name === 'pass-env') continue
    if (given.has(token.name)) throw misuse(`${token.rawName}: it is given twice`)
    given.add(token.name)
  }
  return { values, positionals }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, tokens: true })
  } catch (error) {
    // Node's own words (node:util, parseArgs): the first line, without its advice on --, which means something else here.
    const [line = ''] = (error as Error).message.split('\n')
    const unknown = /^Unknown option '(.*?)'/.exec(line)?.[1]
    throw misuse(unknown === undefined ? line : `${unknown}: there is no such flag`)
  }
}

function requestedOf (positionals: string[], words: string[] | undefined, config: string | undefined, environment: { set: Record<string, string>, pass: string[] }): Requested {
  const [file, second] = positionals
  if (second !== undefined) throw misuse(`${maskText(second)}: one word too many; a command and its arguments come after --`)
  if (file !== undefined && words !== undefined) throw misuse(`${maskText(file)}: a module and a command after -- can't both be served; an mcp.json can name both (--config)`)
  if (config !== undefined && (file ?? words) !== undefined) throw misuse(`--config: ${file === undefined ? 'a command after --' : `the module ${maskText(file)}`} can't be served beside a file; name it in the file`)
  if (words !== undefined) return commandOf(words, environment)

  const [flag] = [...Object.keys(environment.set).map(() => '--env'), ...environment.pass.map(() => '--pass-env')]
  if (flag !== undefined) throw misuse(`${flag}: it is for a command after --${config === undefined ? '; what is served in this process has its whole environment' : '; the servers of a file have theirs in the file, as env'}`)
  if (config?.trim() === '' || file?.trim() === '') throw misuse(`${config === undefined ? 'module' : '--config'}: it needs the name of a file`)
  if (config !== undefined) return { kind: 'config', file: config }
  return file === undefined ? { kind: 'bundled' } : { kind: 'module', file }
}

function commandOf ([command, ...args]: string[], { set, pass }: { set: Record<string, string>, pass: string[] }): Requested {
  if (command === undefined || command.trim() === '') throw misuse('--: a command has to come after it')
  const twice = pass.find(name => name in set)
  if (twice !== undefined) throw misuse(`--env ${twice}: it is passed on with --pass-env already`)
  return { kind: 'command', command, args, set, pass }
}

function assignments (given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map(assignment => {
    const end = assignment.indexOf('=')
    const name = assignment.slice(0, end)
    // What stands there may be the value alone, and that a secret.
    if (end === -1) throw misuse(`--env ${VARIABLE.test(assignment) ? maskText(assignment) : '***'}: it must be NAME=VALUE; --pass-env NAME passes a variable on`)
    if (!VARIABLE.test(name)) throw misuse(`--env ${maskText(name)}=: it must be NAME=VALUE, with a name of letters, digits and _`)
    return [name, assignment.slice(end + 1)]
  }))
}

function names (given: readonly string[]): string[] {
  for (const name of given) {
    // As above: nothing is shown that may be a value.
    const [, assigned] = /^([A-Za-z_]\w*)=/.exec(name) ?? []
    if (assigned !== undefined) throw misuse(`--pass-env ${assigned}=…: it takes a name alone; --env NAME=VALUE sets a variable`)
    if (!VARIABLE.test(name)) throw misuse('--pass-env ***: it must be the name of a variable')
  }
  return [...given]
}

function misuse (line: string) {
  return errors.usage(`${line.replaceAll(/[\r\n]+/g, ' ')} (see mcp-weir --help)`)
}
