import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseEnv } from 'node:util'
import { Type, type Static } from '@sinclair/typebox'
import { envSchema } from 'env-schema'
import { errors } from './errors.js'
import { HOST_PATTERN, isLoopback, KEY_PATTERN, loopbackNames, MAX_TIMER_SECONDS, ORIGIN_PATTERN } from './net.js'
import type { WeirOptions } from './options.js'
import type { AareguruOptions } from './servers/aareguru/server.js'

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
const logFormats = ['json', 'text'] as const

const AtLeast = (minimum: number, value: number) => Type.Integer({ minimum, default: value })
const Seconds = (minimum: number, value: number) => Type.Integer({ minimum, maximum: MAX_TIMER_SECONDS, default: value })
const List = Type.String({ default: '' })
const OneOf = <T extends readonly string[]>(names: T, value: T[number]) => Type.Unsafe<T[number]>({ type: 'string', enum: names, default: value })

/** The environment: what each variable is, its rule and its default. The minimums guard production. */
export const EnvironmentSchema = Type.Object({
  HTTP_HOST: Type.String({ default: '127.0.0.1' }),
  HTTP_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8_000 }),
  API_KEYS: List,
  API_KEY_REQUIRED: Type.Optional(Type.Boolean()),
  CORS_ORIGINS: List,
  ALLOWED_HOSTS: List,
  RATE_LIMIT_PER_MINUTE: AtLeast(0, 100),
  RATE_LIMIT_PER_SESSION_PER_MINUTE: AtLeast(0, 0),
  SSE_SESSION_TIMEOUT_SECONDS: Seconds(60, 3_600),
  SSE_CLEANUP_INTERVAL_SECONDS: Seconds(60, 300),
  SSE_HEARTBEAT_SECONDS: Seconds(1, 15),
  MAX_SESSIONS: AtLeast(1, 10_000),
  MAX_SESSIONS_PER_CLIENT: AtLeast(1, 100),
  SESSION_HIBERNATE_SECONDS: Seconds(0, 0),
  METRICS_REQUIRE_KEY: Type.Boolean({ default: false }),
  STREAM_BUFFER_BYTES: AtLeast(65_536, 1_048_576),
  BODY_LIMIT_BYTES: AtLeast(1_024, 4_194_304),
  DRAIN_TIMEOUT_SECONDS: Seconds(0, 10),
  MAX_CHILD_PROCESSES: AtLeast(1, 100),
  TRUST_PROXY: List,
  LOG_LEVEL: OneOf(logLevels, 'info'),
  LOG_FORMAT: OneOf(logFormats, 'json'),
  AAREGURU_BASE_URL: Type.String({ default: 'https://aareguru.existenz.ch' }),
  AAREGURU_APP: Type.String({ default: 'mcp-weir' }),
  CACHE_TTL_SECONDS: AtLeast(0, 120),
  HTTP_CLIENT_TIMEOUT_SECONDS: Seconds(1, 30)
})

export type Environment = Static<typeof EnvironmentSchema>
type Variable = keyof Environment

const variables = Object.keys(EnvironmentSchema.properties) as Variable[]

/** Everything that a process of Weir's needs to know, checked. */
export interface Config {
  host: string
  /** 0 picks a free one. */
  port: number
  /** CIDRs or `loopback`; none: no proxy is believed. */
  trustProxy: string[]
  logLevel: typeof logLevels[number]
  logFormat: typeof logFormats[number]
  endpoint: WeirOptions & Required<Pick<WeirOptions, 'apiKeys' | 'apiKeyRequired' | 'allowedHosts' | 'maxSessions' | 'bodyLimitBytes' | 'drainTimeoutSeconds'>>
  aareguru: Omit<AareguruOptions, 'version'>
  /** Processes of stdio commands at the most, all servers and sessions together. */
  maxChildProcesses: number
  /** Every variable with its value, given or by default. */
  environment: Environment
  /** What is allowed and still worth a second look. */
  warnings: string[]
}

export interface LoadOptions {
  /** The environment, `process.env` by default. */
  env?: NodeJS.ProcessEnv
  /** The file that is read under the environment, `.env` by default; false for none. */
  file?: string | false
  /** What goes before both: the command's flags. */
  overrides?: Record<string, string>
}

/**
 * Reads and checks the environment. A variable that is set to nothing counts as not set.
 * @throws WEIR_ERR_INVALID_CONFIG with one line in `detail`: the variable, its value and its rule.
 */
export function loadConfig ({ env = process.env, file = '.env', overrides = {} }: LoadOptions = {}): Config {
  const environment = validate(read(env, file, overrides))
  const { HTTP_HOST: host } = environment
  const apiKeys = keys(environment)
  const loopback = isLoopback(host)
  const allowedHosts = hostNames(environment)
  const apiKeyRequired = keyRequired(environment, apiKeys)

  return {
    host,
    port: environment.HTTP_PORT,
    trustProxy: proxies(environment),
    logLevel: environment.LOG_LEVEL,
    logFormat: environment.LOG_FORMAT,
    endpoint: {
      apiKeys,
      apiKeyRequired,
      corsOrigins: origins(environment),
      allowedHosts: allowedHosts.length === 0 && loopback ? loopbackNames : allowedHosts,
      rateLimitPerMinute: environment.RATE_LIMIT_PER_MINUTE,
      rateLimitPerSessionPerMinute: environment.RATE_LIMIT_PER_SESSION_PER_MINUTE,
      sessionTimeoutSeconds: environment.SSE_SESSION_TIMEOUT_SECONDS,
      cleanupIntervalSeconds: environment.SSE_CLEANUP_INTERVAL_SECONDS,
      heartbeatSeconds: environment.SSE_HEARTBEAT_SECONDS,
      maxSessions: environment.MAX_SESSIONS,
      maxSessionsPerClient: environment.MAX_SESSIONS_PER_CLIENT,
      sessionHibernateSeconds: environment.SESSION_HIBERNATE_SECONDS,
      metricsRequireKey: environment.METRICS_REQUIRE_KEY,
      streamBufferBytes: environment.STREAM_BUFFER_BYTES,
      bodyLimitBytes: environment.BODY_LIMIT_BYTES,
      drainTimeoutSeconds: environment.DRAIN_TIMEOUT_SECONDS
    },
    aareguru: {
      baseUrl: httpUrl(environment, 'AAREGURU_BASE_URL'),
      app: environment.AAREGURU_APP,
      cacheTtlSeconds: environment.CACHE_TTL_SECONDS,
      timeoutSeconds: environment.HTTP_CLIENT_TIMEOUT_SECONDS
    },
    maxChildProcesses: environment.MAX_CHILD_PROCESSES,
    environment,
    warnings: warnings(environment, apiKeys, apiKeyRequired, loopback)
  }
}

/** What servers may be given variables of: the environment, and under it the file. */
export function loadEnvironment ({ env = process.env, file = '.env' }: Pick<LoadOptions, 'env' | 'file'> = {}): NodeJS.ProcessEnv {
  return file !== false && existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...env } : env
}

function read (env: NodeJS.ProcessEnv, file: string | false, overrides: Record<string, string>): Record<string, unknown> {
  const Text = Type.Object(Object.fromEntries(variables.map(name => [name, Type.Optional(Type.String())])))
  const set = envSchema<Record<string, string>>({ schema: Text, env: false, data: [said(env), said(overrides)], dotenv: file !== false && { path: file } })
  const anyCase: Variable[] = ['LOG_LEVEL', 'LOG_FORMAT', 'API_KEY_REQUIRED', 'METRICS_REQUIRE_KEY']
  return Object.fromEntries(variables.flatMap(name => {
    const value = set[name]?.trim() ?? ''
    return value === '' ? [] : [[name, anyCase.includes(name) ? value.toLowerCase() : value]]
  }))
}

// What is set to nothing is not set: it leaves standing what comes below it.
function said (values: NodeJS.ProcessEnv): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value.trim() !== ''))
}

function validate (given: Record<string, unknown>): Environment {
  try {
    const environment = envSchema<Environment>({ schema: { ...EnvironmentSchema }, env: false, data: { ...given } })
    // Ajv takes what JavaScript takes for a number: 1e3, 0x10, Infinity.
    const odd = variables.find(name => typeof environment[name] === 'number' && name in given && !/^-?\d+$/.test(String(given[name])))
    if (odd !== undefined) throw invalid(odd, given[odd], 'must be integer')
    return environment
  } catch (error) {
    const issue = (error as { errors?: { instancePath: string, message: string, params: { allowedValues?: string[] } }[] }).errors?.[0]
    if (issue === undefined) throw error
    const name = issue.instancePath.slice(1)
    const allowed = issue.params.allowedValues === undefined ? '' : `: ${issue.params.allowedValues.join(', ')}`
    throw invalid(name, given[name], issue.message === 'must be boolean' ? 'must be true or false' : `${issue.message}${allowed}`)
  }
}

function keys ({ API_KEYS }: Environment): string[] {
  return list(API_KEYS).map((key, index) => {
    if (!new RegExp(KEY_PATTERN).test(key)) throw invalid('API_KEYS', `(key ${index + 1})`, 'must be ASCII, as no HTTP header carries anything else')
    return key
  })
}

function keyRequired ({ HTTP_HOST, API_KEY_REQUIRED, METRICS_REQUIRE_KEY }: Environment, apiKeys: string[]): boolean {
  const required = API_KEY_REQUIRED ?? (apiKeys.length > 0 || !isLoopback(HTTP_HOST))
  if (apiKeys.length > 0) return required
  const how = 'set API_KEYS, for example to the output of: openssl rand -hex 32'
  if (METRICS_REQUIRE_KEY) throw invalid('METRICS_REQUIRE_KEY', true, `there is no key to ask for: ${how}`)
  if (API_KEY_REQUIRED === true) throw invalid('API_KEY_REQUIRED', true, `there is no key to ask for: ${how}`)
  if (required) throw invalid('HTTP_HOST', HTTP_HOST, `other machines can reach it, so a key is required: ${how} (or say API_KEY_REQUIRED=false)`)
  return required
}

function warnings ({ CORS_ORIGINS }: Environment, apiKeys: string[], apiKeyRequired: boolean, loopback: boolean): string[] {
  return [
    ...(!apiKeyRequired && !loopback ? ['API_KEY_REQUIRED=false on a public host: anybody who reaches this port can use the server'] : []),
    ...(CORS_ORIGINS === '*' && !apiKeyRequired ? ['CORS_ORIGINS=* without keys: every web page that a user visits can use the server'] : []),
    ...apiKeys.flatMap((key, index) => key.length < 16 ? [`key ${index + 1} of API_KEYS has ${key.length} characters: it can be guessed`] : [])
  ]
}

function origins ({ CORS_ORIGINS }: Environment): '*' | string[] {
  if (CORS_ORIGINS === '*') return '*'
  return list(CORS_ORIGINS).map(origin => {
    if (!new RegExp(ORIGIN_PATTERN).test(origin)) throw invalid('CORS_ORIGINS', origin, 'must be origins such as https://app.example.com, without a path, or * alone')
    return origin
  })
}

function hostNames ({ ALLOWED_HOSTS }: Environment): string[] {
  return list(ALLOWED_HOSTS).map(name => {
    if (!new RegExp(HOST_PATTERN).test(name)) throw invalid('ALLOWED_HOSTS', name, 'must be host names, without scheme or port')
    return name
  })
}

function proxies ({ TRUST_PROXY }: Environment): string[] {
  return list(TRUST_PROXY).map(proxy => {
    const [address = '', bits = '1', ...rest] = proxy.split('/')
    const version = isIP(address)
    const valid = version > 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (version === 4 ? 32 : 128)
    if (proxy !== 'loopback' && !valid) throw invalid('TRUST_PROXY', proxy, 'must be CIDRs such as 10.0.0.0/8, or loopback')
    return proxy
  })
}

function httpUrl (environment: Environment, name: 'AAREGURU_BASE_URL'): string {
  const value = environment[name]
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw invalid(name, value, 'must be an http or https URL')
  if (url.username !== '' || url.password !== '') throw invalid(name, url.origin, 'must not hold a name or password')
  return value
}

function list (text: string): string[] {
  return text.split(',').map(item => item.trim()).filter(item => item !== '')
}

function invalid (name: string, value: unknown, rule: string) {
  return errors.invalidConfig(`${name}=${String(value).replaceAll(/[\r\n]+/g, ' ')}: ${rule}`)
}
