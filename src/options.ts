import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { errors } from './errors.js'
import { HEADER_PATTERN, HOST_PATTERN, KEY_PATTERN, MAX_TIMER_SECONDS, normalizeHost, normalizeOrigin, ORIGIN_PATTERN } from './net.js'
import type { Authenticate, CreateServer, WeirOptions } from './weir-options.js'

export type { Authenticate, CreateServer, ServerContext, WeirOptions } from './weir-options.js'

const Seconds = (description: string, value: number) => Type.Number({ exclusiveMinimum: 0, maximum: MAX_TIMER_SECONDS, default: value, description })
const PositiveInteger = (description: string, value: number) => Type.Integer({ minimum: 1, default: value, description })
const CountOrOff = (description: string) => Type.Integer({ minimum: 0, default: 0, description })

/** The name of an endpoint that was given none. */
export const UNNAMED = 'mcp'

/** The plugin's plain options: what each is, its rule and its default. `WeirOptions` tells users of them; a test compares the two. */
export const PlainOptions = Type.Object({
  prefix: Type.String({ pattern: '^(/[^/?#:*]+)*$', default: '', description: 'Path before every route, such as /ai' }),
  name: Type.String({ minLength: 1, default: UNNAMED, description: 'Tells endpoints of one application apart' }),
  serverInfo: Type.Object({ name: Type.String(), version: Type.String() }, { description: 'What /health calls this server' }),
  apiKeys: Type.Array(Type.String({ pattern: KEY_PATTERN }), { default: [] }),
  apiKeyRequired: Type.Boolean({ description: 'Default: true if apiKeys or authenticate is given' }),
  corsOrigins: Type.Union([Type.Literal('*'), Type.Array(Type.String({ pattern: ORIGIN_PATTERN }))], { default: [] }),
  allowedHosts: Type.Array(Type.String({ pattern: HOST_PATTERN }), { default: [], description: 'Empty: the Host header is not checked' }),
  contextHeaders: Type.Array(Type.String({ pattern: HEADER_PATTERN }), { default: [], description: 'Request headers that createServer sees' }),
  rateLimitPerMinute: CountOrOff('Requests per client address, 0 = off'),
  rateLimitPerSessionPerMinute: CountOrOff('Requests per session, 0 = off'),
  sessionTimeoutSeconds: Seconds('Idle time that ends a session', 3600),
  cleanupIntervalSeconds: Seconds('Seconds between two cleanups', 300),
  heartbeatSeconds: Seconds('Seconds between two signs of life on a stream', 15),
  maxSessions: PositiveInteger('Sessions at the most', 10_000),
  maxSessionsPerClient: PositiveInteger('Sessions of one principal, or without keys of one address', 100),
  metricsRequireKey: Type.Boolean({ default: false, description: 'Whether /metrics asks for a key' }),
  streamBufferBytes: PositiveInteger('Bytes that may wait for one slow reader', 1_048_576),
  bodyLimitBytes: PositiveInteger('Bytes of a request body', 4_194_304),
  sessionHibernateSeconds: Type.Number({ minimum: 0, maximum: MAX_TIMER_SECONDS, default: 0, description: 'Idle time after which a Streamable HTTP session without a stream lets its server instance go, 0 = never' }),
  drainTimeoutSeconds: Type.Number({ minimum: 0, maximum: MAX_TIMER_SECONDS, default: 10, description: 'How long a shutdown waits for requests in flight' })
})

type Defaulted = Required<Omit<Static<typeof PlainOptions>, 'serverInfo'>>

/** Options with every default filled in. */
export interface ResolvedOptions extends Defaulted {
  createServer: CreateServer
  authenticate: Authenticate | undefined
  serverInfo: { name: string, version: string }
}

const plainNames = Object.keys(PlainOptions.properties)
const checker = TypeCompiler.Compile(Type.Partial(PlainOptions))

/**
 * Fills in the defaults and checks every rule.
 * @throws WEIR_ERR_INVALID_OPTION that names the option and its rule.
 */
export function resolveOptions (options: WeirOptions, fallback: Pick<ResolvedOptions, 'serverInfo'> & Partial<Pick<ResolvedOptions, 'createServer'>>): ResolvedOptions {
  const { createServer, authenticate, ...rest } = options
  const plain = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const unknown = Object.keys(plain).find(name => !plainNames.includes(name))
  if (unknown !== undefined) throw errors.invalidOption(`${unknown}: there is no such option; there are createServer, authenticate, ${plainNames.join(', ')}`)
  const issue = checker.Errors(plain).First()
  if (issue !== undefined) throw errors.invalidOption(`${issue.path.slice(1).replaceAll('/', '.')}: ${issue.message.toLowerCase()}`)
  for (const [name, value] of Object.entries({ createServer, authenticate })) {
    if (value !== undefined && typeof value !== 'function') throw errors.invalidOption(`${name}: expected a function`)
  }
  const defaults = Object.fromEntries(Object.entries(PlainOptions.properties).map(([name, schema]) => [name, (schema as { default?: unknown }).default]))
  const resolved = { ...fallback, ...defaults, ...plain, authenticate, createServer: createServer ?? fallback.createServer } as ResolvedOptions
  if (resolved.corsOrigins !== '*') resolved.corsOrigins = resolved.corsOrigins.map(normalizeOrigin)
  resolved.contextHeaders = resolved.contextHeaders.map(name => name.toLowerCase())
  resolved.allowedHosts = resolved.allowedHosts.map(normalizeHost)
  resolved.serverInfo ??= fallback.serverInfo
  resolved.apiKeyRequired ??= resolved.apiKeys.length > 0 || authenticate !== undefined
  if ((resolved.apiKeyRequired || resolved.metricsRequireKey) && resolved.apiKeys.length === 0 && authenticate === undefined) {
    throw errors.invalidOption(`${resolved.apiKeyRequired ? 'apiKeyRequired' : 'metricsRequireKey'}: true, but there is no key: give apiKeys, for example one made by 'openssl rand -hex 32'`)
  }
  return resolved
}
