import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { SessionRegistry, type SessionRegistryOptions } from '../sessions/session-registry.js'
import type { Session } from '../sessions/session.js'

declare module 'fastify' {
  interface FastifyInstance {
    sessions: SessionRegistry
  }
  interface FastifyRequest {
    /** The session that the request names and owns. */
    mcpSession: Session | null
  }
}

export interface SessionsOptions {
  maxSessions: number
  maxSessionsPerClient: number
  sessionTimeoutSeconds: number
  sessionHibernateSeconds: number
  streamBufferBytes: number
  heartbeatSeconds: number
  drainTimeoutSeconds: number
}

/** Decorates `sessions`, beats one heartbeat for all streams, and ends every session before the server closes. */
async function sessionsPlugin (fastify: FastifyInstance, options: SessionsOptions): Promise<void> {
  const sessions = new SessionRegistry({ ...options, observer: observer(fastify) })
  fastify.decorate('sessions', sessions)
  fastify.metrics.activeSessions = () => sessions.size
  fastify.metrics.gauge('mcp_sessions_active', 'Sessions that are open', fastify.metrics.activeSessions)
  fastify.metrics.gauge('mcp_clients_active', 'Principals, or without keys addresses, that have a session', () => sessions.clients)
  fastify.metrics.gauge('mcp_sessions_ending', 'Ended sessions whose server instance has not closed yet', () => sessions.ending)
  fastify.metrics.gauge('mcp_stream_buffered_bytes', 'Bytes that wait for slow readers', () => sessions.bufferedBytes)
  fastify.metrics.gauge('mcp_stream_kept_bytes', 'Bytes that are kept for clients that may come back', () => sessions.keptBytes)
  fastify.metrics.gauge('mcp_sessions_hibernated', 'Open sessions that have let their server instance go', () => sessions.asleep)
  fastify.metrics.gauge('mcp_requests_waiting', 'Requests that wait for their first message, or for a client to come back', () => sessions.waiting)
  fastify.decorateRequest('mcpSession', null)

  const heartbeat = setInterval(() => { sessions.heartbeat() }, options.heartbeatSeconds * 1_000).unref()
  fastify.addHook('preClose', async () => {
    await sessions.drain(options.drainTimeoutSeconds)
    clearInterval(heartbeat)
  })
}

/** Counts and logs what happens to sessions: the one place where either is done. */
function observer ({ metrics, log }: FastifyInstance): SessionRegistryOptions['observer'] {
  return {
    opened () { metrics.sessionsOpened++ },
    received (session, message) {
      metrics.messagesReceived++
      log.debug({ session: session.hash, method: 'method' in message ? message.method : 'response' }, 'message received')
    },
    sent () { metrics.messagesSent++ },
    dropped (session, why) {
      metrics.messagesDropped++
      log.debug({ session: session.hash, why }, 'message dropped')
    },
    failed (session, err) {
      metrics.serverErrors++
      log.error({ session: session.hash, err }, 'server failed')
    },
    closed (session, reason) {
      metrics.sessionsClosed[reason]++
      const seconds = Math.round((Date.now() - session.record.createdAt) / 1_000)
      log.info({ session: session.hash, owner: session.record.owner, reason, seconds }, 'session closed')
    }
  }
}

export default fp(sessionsPlugin, { name: 'weir-sessions', dependencies: ['weir-metrics'], fastify: '5.x' })
