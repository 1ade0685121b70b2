import type { RequestInfo } from '@modelcontextprotocol/sdk/types.js'
import type { FastifyRequest } from 'fastify'
import { errors } from '../errors.js'
import { addressKey } from '../net.js'
import { ANONYMOUS, authInfoOf, type Principal } from '../sessions/principal.js'
import type { ReceiveContext } from '../sessions/session-types.js'
import type { Session } from '../sessions/session.js'
import type { StreamSet } from '../streams/stream-set.js'

/** Who sent the request. */
export function principalOf (request: FastifyRequest): Principal {
  // Null only where a route forgot `authenticate`: better a 500 than a session that belongs to nobody.
  if (request.mcpPrincipal === null) throw errors.internal()
  return request.mcpPrincipal
}

/** The session that a request of Streamable HTTP names, with its streams. */
export function streamableOf ({ mcpSession: session }: FastifyRequest): { session: Session, streams: StreamSet } {
  // Only where a route forgot to find it.
  if (session?.streams === undefined) throw errors.internal()
  return { session, streams: session.streams }
}

/** Who opens a session, and whom it counts for: its principal, or without keys its address (IPv6 by /64). */
export function openingOf (request: FastifyRequest): { principal: Principal, clientKey: string } {
  const principal = principalOf(request)
  const clientKey = principal === ANONYMOUS ? `address ${addressKey(request.ip)}` : `principal ${principal.id}`
  return { principal, clientKey }
}

/** What the server's handlers see of the request: who calls, and its headers without the credentials in them. */
export function receiveContextOf (request: FastifyRequest): ReceiveContext {
  return { authInfo: authInfoOf(principalOf(request)), requestInfo: new VisibleRequest(request.headers) }
}

/** Few handlers look at the headers: they are copied for those that do. */
class VisibleRequest implements RequestInfo {
  readonly #headers: RequestInfo['headers']
  #visible: RequestInfo['headers'] | undefined

  constructor (headers: RequestInfo['headers']) {
    this.#headers = headers
  }

  get headers (): RequestInfo['headers'] {
    if (this.#visible === undefined) {
      const { authorization, cookie, 'x-api-key': apiKey, ...visible } = this.#headers
      this.#visible = visible
    }
    return this.#visible
  }
}
