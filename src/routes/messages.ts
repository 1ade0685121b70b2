import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { errors } from '../errors.js'
import { isRequest, parseMessage } from '../json-rpc.js'
import { ErrorAnswer, RpcErrorAnswer } from '../schemas/answers.js'
import { SessionQuery } from '../schemas/session-query.js'
import { methodNotAllowed } from './method-not-allowed.js'
import { principalOf, receiveContextOf } from './request-context.js'

export interface MessagesOptions {
  bodyLimitBytes: number
}

const sessionQuery = TypeCompiler.Compile(SessionQuery)

/** HTTP+SSE (MCP specification 2024-11-05, "Transports"): where a client posts its messages; the answers come on its stream. */
const messages: FastifyPluginAsync<MessagesOptions> = async (fastify, { bodyLimitBytes }) => {
  const { sessions, authenticate, limitSession } = fastify
  const failure = Type.Union([RpcErrorAnswer, ErrorAnswer])

  fastify.post('/messages', {
    bodyLimit: bodyLimitBytes,
    config: { endpoint: 'messages', jsonRpc: 'messages' },
    onRequest: [authenticate, findSession, ...limitSession],
    schema: { response: { 202: Type.String(), '4xx': failure, '5xx': failure } }
  }, receiveMessage)
  methodNotAllowed(fastify, '/messages', 'messages', ['POST'])

  // Before the body is read: a stranger's four megabytes are not worth the memory.
  function findSession (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
    const { query } = request
    if (!sessionQuery.Check(query)) return done(errors.invalidSessionId('Post to the path that the endpoint event of GET /sse names'))
    const session = sessions.get(query.session_id, principalOf(request), 'sse')
    if (session === undefined) return done(errors.sessionNotFound('It has ended or never was: open a new one with GET /sse'))
    request.mcpSession = session
    done()
  }

  function receiveMessage (request: FastifyRequest, reply: FastifyReply): void {
    const message = parseMessage(request.body)
    // It may have ended while the body was read.
    const session = request.mcpSession
    if (session === null || session.closeReason !== undefined) throw errors.sessionNotFound('It has just ended: open a new one with GET /sse')
    if (isRequest(message)) sessions.refuseWhileDraining()
    session.assertReceivable([message])
    session.receive(message, receiveContextOf(request))
    void reply.code(202).type('text/plain; charset=utf-8').send('Accepted')
  }
}

export default messages
