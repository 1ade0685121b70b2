import type { FastifyRequest } from 'fastify'
import type { CreateServer, ServerContext } from '../options.js'
import type { Principal } from '../sessions/principal.js'
import { clientInfoOf } from '../sessions/session-record.js'
import type { CreateInstance } from '../sessions/session-types.js'
import type { Session } from '../sessions/session.js'

export interface ServerOfOptions {
  createServer: CreateServer
  /** Request headers that `createServer` sees, in lower case. */
  contextHeaders: string[]
}

/** How a session's server instance is built: at its opening, and each time that it wakes. */
export function serverOf (request: FastifyRequest, { createServer, contextHeaders }: ServerOfOptions, { hash, record }: Session, principal: Principal): CreateInstance {
  const { log } = request
  const headers = contextHeaders.length === 0 ? NO_HEADERS : pick(request.headers, contextHeaders)
  return life => createServer({
    principal,
    transport: record.transport,
    sessionHash: hash,
    get clientInfo () { return clientInfoOf(record) },
    headers,
    get log () { return log.child({ session: hash }) },
    get signal () { return life.signal }
  })
}

const NO_HEADERS: ServerContext['headers'] = Object.freeze({})

function pick (headers: FastifyRequest['headers'], names: string[]): ServerContext['headers'] {
  return Object.fromEntries(names.flatMap(name => {
    const value = headers[name]
    return value === undefined ? [] : [[name, value]]
  }))
}
