import { JSONRPCNotificationSchema, type Implementation } from '@modelcontextprotocol/sdk/types.js'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { MetricsSnapshot } from './schemas/answers.js'
import { clientInfoOf, type TransportName } from './sessions/session-record.js'
import type { Session } from './sessions/session.js'

/** What the host holds of an endpoint: `app.mcp`, and `app.mcpEndpoints.get(name)`. */
export interface WeirEndpoint {
  readonly sessions: WeirSessions
  readonly metrics: {
    /** The numbers of `GET /metrics`. */
    snapshot (): MetricsSnapshot
    /** The same for Prometheus, to be merged with the host's own. */
    readonly registry: Registry
  }
  /**
   * Gives every session that has begun a notification, on its standing stream; where nobody listens it is kept as long as the
   * session's bounds allow. Says how many sessions that were. It keeps no session alive that nobody listens to.
   * @throws TypeError if it is no notification (MCP specification, "Base protocol"), or no JSON.
   */
  broadcast (notification: WeirNotification): number
  /**
   * Ends all sessions, with the time of `drainTimeoutSeconds` for requests in flight. From its call on no new session
   * is accepted and readiness says `draining`. Never rejects; a second call joins the first. `app.close()` does it too.
   */
  drain (): Promise<void>
}

/** The open sessions of an endpoint. */
export interface WeirSessions {
  /** How many there are. */
  readonly size: number
  /** Whether the endpoint shuts down: it takes no new session. */
  readonly draining: boolean
  /** Whether a new session would find room. With `draining` this is what `/health/ready` says. */
  readonly hasRoom: boolean
  /** All of them, those first that were used longest ago. */
  list (): SessionInfo[]
  /**
   * Ends every session of a principal, by its id, with the reason `host`: when a user signs out, say. Requests in flight are answered with an
   * error. Settles with the number of sessions when their server instances have closed; never rejects.
   */
  closeByOwner (principalId: string): Promise<number>
}

/** What is told of a session: never its id, which is a secret of its client's. */
export interface SessionInfo {
  /** By what its lines in the log name it. */
  readonly hash: string
  /** The `id` of the principal that opened it. */
  readonly owner: string
  readonly transport: TransportName
  readonly createdAt: Date
  /** Seconds since its last message. */
  readonly idleSeconds: number
  readonly requestsInFlight: number
  /** The protocol version that was negotiated; undefined before. */
  readonly protocolVersion: string | undefined
  /** What its client calls itself; undefined before it has. */
  readonly clientInfo: Implementation | undefined
  /** Whether it has let its server instance go until the next message. */
  readonly hibernated: boolean
}

/** A notification of the server's, such as `{ method: 'notifications/tools/list_changed' }`. */
export interface WeirNotification {
  method: string
  params?: Record<string, unknown>
}

/** The handle of the endpoint in this scope. */
export function endpointOf (scope: FastifyInstance, { drainTimeoutSeconds }: { drainTimeoutSeconds: number }): WeirEndpoint {
  // Not in the signature: a host that reads it in the package's declarations does not know Weir's own decorators.
  const { sessions, metrics } = scope
  return {
    sessions: {
      get size () { return sessions.size },
      get draining () { return sessions.draining },
      get hasRoom () { return sessions.hasRoom },
      list: () => sessions.all().map(session => describeSession(session, sessions.idleMs(session) / 1_000)),
      async closeByOwner (principalId) {
        const owned = sessions.all().filter(({ record }) => record.owner === principalId)
        await Promise.all(owned.map(session => session.close('host')))
        return owned.length
      }
    },
    metrics: {
      snapshot: () => metrics.snapshot(),
      registry: metrics.registry
    },
    broadcast ({ method, params }) {
      const notification = { jsonrpc: '2.0' as const, method, ...(params !== undefined && { params }) }
      const parsed = JSONRPCNotificationSchema.safeParse(notification)
      if (!parsed.success) throw new TypeError(`broadcast: ${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`)
      // Nobody is told anything unless all can be.
      JSON.stringify(notification)
      const begun = sessions.all().filter(({ record }) => record.protocolVersion !== undefined)
      for (const session of begun) void session.send(notification)
      return begun.length
    },
    drain: () => sessions.drain(drainTimeoutSeconds)
  }
}

function describeSession ({ hash, record, requestsInFlight, asleep }: Session, idleSeconds: number): SessionInfo {
  const { owner, transport, createdAt, protocolVersion } = record
  return { hash, owner, transport, createdAt: new Date(createdAt), idleSeconds, requestsInFlight, protocolVersion, clientInfo: clientInfoOf(record), hibernated: asleep }
}
