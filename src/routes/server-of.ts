import type { FastifyRequest } from 'fastify'
import type { CreateServer } from '../options.js'
import type { Principal } from '../sessions/principal.js'
import type { ServerInstance } from '../sessions/session-types.js'
import type { Session } from '../sessions/session.js'

/** How a session's server instance is built: at its opening, and each time that it wakes. */
export function serverOf ({ log }: FastifyRequest, { createServer }: { createServer: CreateServer }, session: Session, principal: Principal): () => ServerInstance | Promise<ServerInstance> {
  return () => createServer({ principal, get log () { return log.child({ session: session.hash }) } })
}
