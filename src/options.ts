import type { Implementation } from '@modelcontextprotocol/sdk/types.js'
import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { errors } from './errors.js'
import { HEADER_PATTERN, HOST_PATTERN, KEY_PATTERN, MAX_TIMER_SECONDS, normalizeHost, normalizeOrigin, ORIGIN_PATTERN } from './net.js'
import type { Principal } from './sessions/principal.js'
import type { TransportName } from './sessions/session-record.js'
import type { ServerInstance } from './sessions/session-types.js'

const Seconds = (description: string, value: number) => Type.Number({ exclusiveMinimum: 0, maximum: MAX_TIMER_SECONDS, default: value, description })
const PositiveInteger = (description: string, value: number) => Type.Integer({ minimum: 1, default: value, description })
const CountOrOff = (description: string) => Type.Integer({ minimum: 0, default: 0, description })

/** The name of an endpoint that was given none. */
export const UNNAMED = 'mcp'

/** The plugin's plain options: what each is, its rule and its default. */
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

/** What a server instance is built for: one session of one client. */
export interface ServerContext {
  /** Who opened the session. Handlers see who sends each message in `extra.authInfo`. */
  readonly principal: Principal
  /** The wire transport: `streamable` for `/mcp`, `sse` for HTTP+SSE. */
  readonly transport: TransportName
  /** Stands for the session in logs. Its id is a secret of the client's, and not here. */
  readonly sessionHash: string
  /**
   * What the client calls itself in `initialize` (MCP specification, "Lifecycle"). Over HTTP+SSE the instance is there before
   * the client has said anything: undefined until it has, so read it when it is needed.
   */
  readonly clientInfo: Implementation | undefined
  /** Headers of the request that opened the session, those that `contextHeaders` names. Keys are in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>
  /** Writes to the log under the session's hash. */
  readonly log: FastifyBaseLogger
  /** Aborts when the instance is let go: its session has ended, or hibernates. */
  readonly signal: AbortSignal
}

/**
 * Builds the server instance of one session, a new one at each call. What it throws fails the client's request: with a
 * `statusCode` of 4xx its message is shown to the client, all else is only logged.
 */
export type CreateServer = (context: ServerContext) => ServerInstance | Promise<ServerInstance>

/**
 * Says who sends a request; null for nobody that may. What it throws with a `statusCode` of 4xx is answered in its own
 * words, all else is a 500 without them.
 */
export type Authenticate = (request: FastifyRequest) => Principal | null | Promise<Principal | null>

/**
 * Options of the plugin. All have defaults; every limit that belongs to a public host starts off. The plain ones are those of
 * `PlainOptions`, written out so that an editor shows what they are.
 */
export interface WeirOptions {
  /** One instance per session. Default: the bundled aareguru-mcp. */
  createServer?: CreateServer
  /** Path before every route, such as `/ai`. Default: none. */
  prefix?: string
  /** Tells endpoints of one application apart, see `app.mcpEndpoints`. Default: `mcp`, which only one can have. */
  name?: string
  /** What `/health` calls this server. Default: `mcp-weir` and its version. */
  serverInfo?: { name: string, version: string }
  /** Keys that clients send as `X-API-Key` or `Authorization: Bearer`; each is a principal of its own. Default: none, and none asked for. */
  apiKeys?: string[]
  /** Whether a request without a key is refused. Default: true if `apiKeys` or `authenticate` is given. */
  apiKeyRequired?: boolean
  /** Says who sends a request, in place of `apiKeys`. */
  authenticate?: Authenticate
  /** Origins whose pages may use this endpoint, such as `https://app.example.com`; `*` for all, without credentials. Default: none. */
  corsOrigins?: '*' | string[]
  /** Names that the `Host` header may have, without a port. Default: it is not checked. */
  allowedHosts?: string[]
  /** Request headers that `createServer` sees, in any case. Default: none. */
  contextHeaders?: string[]
  /** Requests per minute of one client address; 0, the default, turns the limit off. Health is exempt. */
  rateLimitPerMinute?: number
  /** Requests per minute of one session; 0, the default, turns the limit off. */
  rateLimitPerSessionPerMinute?: number
  /** Seconds without a message and without a request in flight that end a session. Default: 3600. */
  sessionTimeoutSeconds?: number
  /** Seconds between two looks for idle sessions. Default: 300. */
  cleanupIntervalSeconds?: number
  /** Seconds between two signs of life on a stream. Default: 15. */
  heartbeatSeconds?: number
  /** Sessions at the most; a new one gets 503 when none can give way. Default: 10000. */
  maxSessions?: number
  /** Sessions of one principal, or without keys of one address. Default: 100. */
  maxSessionsPerClient?: number
  /** Whether `/metrics` asks for a key. Default: false. */
  metricsRequireKey?: boolean
  /** Bytes that may wait for one slow reader, and the largest message to a client. Default: 1048576. */
  streamBufferBytes?: number
  /** Bytes of a request's body at the most. Default: 4194304. */
  bodyLimitBytes?: number
  /** Idle seconds after which a Streamable HTTP session without a stream lets its server instance go until its next message; 0, the default, means never. */
  sessionHibernateSeconds?: number
  /** Seconds that a shutdown waits for requests in flight. Default: 10. */
  drainTimeoutSeconds?: number
}

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
