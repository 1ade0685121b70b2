import type { Implementation } from '@modelcontextprotocol/sdk/types.js'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { Principal } from './sessions/principal.js'
import type { TransportName } from './sessions/session-record.js'
import type { ServerInstance } from './sessions/session-types.js'

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
 * Options of the plugin. All have defaults, which `undefined` means too; every limit that belongs to a public host starts off.
 * A wrong one fails `register` with WEIR_ERR_INVALID_OPTION, which names the option and its rule.
 */
export interface WeirOptions {
  /** Builds the server instance of each session. Without it Weir serves the bundled aareguru-mcp. */
  createServer?: CreateServer
  /** Says who sends a request, in the place of `apiKeys`. */
  authenticate?: Authenticate
  /**
   * Path before every route, such as `/ai`: it begins with a slash and ends without one. Goes behind the host's own prefix.
   * @default ''
   */
  prefix?: string
  /**
   * Tells the endpoints of one application apart: `app.mcpEndpoints.get(name)`. At least one character, and not taken.
   * @default 'mcp'
   */
  name?: string
  /** What `/health` calls the server. Default: `mcp-weir` and its version. */
  serverInfo?: { name: string, version: string }
  /**
   * Keys that a client sends as `X-API-Key` or `Authorization: Bearer`; each is a principal of its own. Printable ASCII.
   * @default []
   */
  apiKeys?: string[]
  /** Whether a request without a key is refused with 401; else its sender is `anonymous`. Default: true if `apiKeys` or `authenticate` is given. */
  apiKeyRequired?: boolean
  /**
   * Origins whose pages may use the endpoint and read its answers, such as `https://app.example.com`, or `'*'` for all (then without credentials).
   * Other pages' requests are refused with 403, whatever the host's own CORS rules say.
   * @default []
   */
  corsOrigins?: '*' | string[]
  /**
   * Host names that the `Host` header may have, without ports. Empty: it is not checked.
   * @default []
   */
  allowedHosts?: string[]
  /**
   * Names of request headers that `createServer` sees as `context.headers`, in any case.
   * @default []
   */
  contextHeaders?: string[]
  /**
   * Requests a minute for each client address (IPv6 by /64); more get 429. Health is exempt. 0 = no limit.
   * @default 0
   */
  rateLimitPerMinute?: number
  /**
   * Requests a minute that name one session; more get 429. 0 = no limit.
   * @default 0
   */
  rateLimitPerSessionPerMinute?: number
  /**
   * Seconds without a message in either direction, and without a request in flight, that end a session. Above 0, at most 2147483.
   * @default 3600
   */
  sessionTimeoutSeconds?: number
  /**
   * Seconds between two looks for idle sessions. Above 0, at most 2147483.
   * @default 300
   */
  cleanupIntervalSeconds?: number
  /**
   * Seconds between two signs of life on a silent stream. Above 0, at most 2147483.
   * @default 15
   */
  heartbeatSeconds?: number
  /**
   * Sessions at the most. Beyond it the least recently used one that nobody reads gives way; where there is none, a newcomer gets 503. At least 1.
   * @default 10000
   */
  maxSessions?: number
  /**
   * Sessions at the most of one principal, or of one address where clients are anonymous. At least 1.
   * @default 100
   */
  maxSessionsPerClient?: number
  /**
   * Whether `/metrics` asks for a key.
   * @default false
   */
  metricsRequireKey?: boolean
  /**
   * Bytes that may wait for one slow reader, and as many that are kept for a client's return: so the largest single message. At least 1.
   * @default 1048576
   */
  streamBufferBytes?: number
  /**
   * Bytes that a request body may have; a larger one gets 413. At least 1.
   * @default 4194304
   */
  bodyLimitBytes?: number
  /**
   * Idle seconds after which a Streamable HTTP session without a stream lets its server instance go, to be built again at its next message. 0 = never; at most 2147483.
   * @default 0
   */
  sessionHibernateSeconds?: number
  /**
   * Seconds for which a shutdown waits for requests in flight. 0 or more, at most 2147483.
   * @default 10
   */
  drainTimeoutSeconds?: number
}
