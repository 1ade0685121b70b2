import type { Readable } from 'node:stream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { errors } from '../errors.js'
import { ErrorAnswer } from '../schemas/answers.js'
import { SseStream } from '../streams/sse-stream.js'
import { methodNotAllowed } from './method-not-allowed.js'
import { prepareStream } from './prepare-stream.js'
import { openingOf } from './request-context.js'
import { serverOf, type ServerOfOptions } from './server-of.js'

export interface SseOptions extends ServerOfOptions {
  streamBufferBytes: number
  heartbeatSeconds: number
}

/** HTTP+SSE (MCP specification 2024-11-05, "Transports"): a `GET` opens a session, whose stream carries all that its server says. */
const sse: FastifyPluginAsync<SseOptions> = async (fastify, options) => {
  const { sessions, authenticate, prefix } = fastify

  fastify.get('/sse', {
    exposeHeadRoute: false,
    config: { endpoint: 'sse' },
    onRequest: authenticate,
    schema: { response: { '4xx': ErrorAnswer, '5xx': ErrorAnswer } }
  }, openSession)
  methodNotAllowed(fastify, '/sse', 'sse', ['GET'])

  async function openSession (request: FastifyRequest, reply: FastifyReply): Promise<Readable> {
    // Nobody is there any more, or another answer has the connection (pipelining): such a reply would never say that it closed.
    if (reply.raw.destroyed || reply.raw.socket === null || request.raw.socket.destroyed) throw errors.refused('Open a stream on a connection of its own')
    const opening = openingOf(request)
    const session = sessions.open({ ...opening, transport: 'sse' })
    request.mcpSession = session
    const stream = new SseStream(options.streamBufferBytes)
    // The specification wants `endpoint` first: it waits in the stream until the server is there.
    stream.writeEvent('endpoint', `${prefix}/messages?session_id=${session.sessionId}`)
    session.attachStream(stream)
    reply.raw.once('close', () => { void session.close('disconnected') })
    await session.connect(serverOf(request, options, session, opening.principal))
    request.log.info({ session: session.hash, address: request.ip, owner: session.record.owner }, 'session opened')
    return prepareStream(reply, stream, options.heartbeatSeconds)
  }
}

export default sse
