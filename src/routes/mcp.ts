import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js'
import { Type } from '@sinclair/typebox'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { describe, errors, RpcCode, type WeirError } from '../errors.js'
import { errorResponse, isRequest, parseMessage, parseMessages, type JSONRPCMessage } from '../json-rpc.js'
import { ErrorAnswer, RpcErrorAnswer } from '../schemas/answers.js'
import type { Session } from '../sessions/session.js'
import { acceptsBoth, acceptsStream } from './accept.js'
import { ReplyResponse } from './http-response.js'
import { methodNotAllowed } from './method-not-allowed.js'
import { openingOf, principalOf, receiveContextOf, streamableOf } from './request-context.js'
import { serverOf, type ServerOfOptions } from './server-of.js'

export interface McpOptions extends ServerOfOptions {
  bodyLimitBytes: number
  heartbeatSeconds: number
}

type Done = (error?: Error) => void

/** The only revision that has batches. */
const WITH_BATCHES = '2025-03-26'

/** Streamable HTTP (MCP specification 2025-03-26 to 2025-11-25, "Transports"). */
const mcp: FastifyPluginAsync<McpOptions> = async (fastify, options) => {
  const { sessions, authenticate, limitSession } = fastify
  const config = { endpoint: 'mcp', jsonRpc: 'all' } as const
  const failure = Type.Union([RpcErrorAnswer, ErrorAnswer])
  const schema = { response: { '4xx': failure, '5xx': failure } }

  fastify.post('/mcp', { bodyLimit: options.bodyLimitBytes, config, schema, onRequest: [authenticate, acceptJson, findSession, ...limitSession] }, receive)
  fastify.get('/mcp', { exposeHeadRoute: false, config, schema, onRequest: [authenticate, acceptEvents, requireSession, findSession, ...limitSession] }, openStream)
  // All in hooks: a body that comes with it is not read.
  fastify.delete('/mcp', { config, schema, onRequest: [authenticate, requireSession, findSession, endSession] }, endSession)
  methodNotAllowed(fastify, '/mcp', 'mcp', ['GET', 'POST', 'DELETE'], config)

  function acceptJson (request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    done(acceptsBoth(request.headers.accept) ? undefined : errors.notAcceptable('Send Accept: application/json, text/event-stream'))
  }

  function acceptEvents (request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    done(acceptsStream(request.headers.accept) ? undefined : errors.notAcceptable('Send Accept: text/event-stream'))
  }

  function requireSession (request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    done(request.headers['mcp-session-id'] === undefined ? sessionRequired() : undefined)
  }

  // Before the body is read: a stranger's four megabytes are not worth the memory.
  function findSession (request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    const { 'mcp-session-id': id, 'mcp-protocol-version': version } = request.headers
    if (id === undefined) {
      sessions.assertRoom(openingOf(request).clientKey)
      return done()
    }
    const session = sessions.get(String(id), principalOf(request), 'streamable')
    if (session === undefined) return done(sessionNotFound())
    request.mcpSession = session
    const isKnown = version === undefined || version === session.record.protocolVersion || SUPPORTED_PROTOCOL_VERSIONS.includes(String(version))
    done(isKnown ? undefined : errors.unsupportedVersion(`MCP-Protocol-Version: this session speaks ${session.record.protocolVersion}`))
  }

  function receive (request: FastifyRequest, reply: FastifyReply): void {
    const { mcpSession } = request
    if (mcpSession === null) void openSession(request, reply).catch((error: unknown) => { void reply.send(error) })
    else receiveIn(mcpSession, request, reply)
  }

  function receiveIn (session: Session, request: FastifyRequest, reply: FastifyReply): void {
    const messages = messagesOf(request, session)
    // It may have ended while the body was read.
    if (session.closeReason !== undefined) throw sessionNotFound()
    const requests = messages.filter(isRequest)
    if (requests.some(({ method }) => method === 'initialize')) throw errors.invalidMessage('This session is initialized already: send initialize without Mcp-Session-Id to open another')
    if (requests.length > 0) sessions.refuseWhileDraining()
    session.assertReceivable(messages)
    const context = receiveContextOf(request)
    if (requests.length > 0) context.reply = session.streams?.reply(new ReplyResponse(reply, options.heartbeatSeconds), Array.isArray(request.body) ? requests.length : undefined)
    for (const message of messages) session.receive(message, context)
    if (requests.length === 0) void reply.code(202).send()
  }

  async function openSession (request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const message = parseMessage(request.body)
    if (!isRequest(message) || message.method !== 'initialize') throw sessionRequired()
    const opening = openingOf(request)
    const session = sessions.open({ ...opening, transport: 'streamable', initialize: message })
    request.mcpSession = session
    const answer = session.streams?.reply(new ReplyResponse(reply, options.heartbeatSeconds))
    try {
      await session.connect(serverOf(request, options, session, opening.principal))
    } catch (error) {
      if (answer?.release() !== false) throw error
      // It took its time: an event stream is the answer by now, and no error handler sees it.
      const { cause } = error as WeirError
      if (cause !== undefined) session.failed(cause)
      answer.write(errorResponse(message.id, RpcCode.internalError, describe(error as WeirError)))
      return
    }
    request.log.info({ session: session.hash, address: request.ip, owner: session.record.owner }, 'session opened')
    session.receive(message, { ...receiveContextOf(request), reply: answer })
  }

  function openStream (request: FastifyRequest, reply: FastifyReply): void {
    sessions.refuseWhileDraining()
    const { session, streams } = streamableOf(request)
    const place = streams.find(lastEventIdOf(request))
    if (place === 'unknown') throw errors.invalidEventId('This session never sent an event with this Last-Event-ID')
    if (place === 'lost') throw errors.invalidEventId('What followed this Last-Event-ID is no longer kept')
    // Nothing will follow: an event source that is told so does not come back (HTML Living Standard, 9.2.3).
    if (place === 'over') {
      void reply.code(204).send()
      return
    }
    session.wake(receiveContextOf(request))
    streams.open(place, new ReplyResponse(reply, options.heartbeatSeconds))
  }

  function endSession (request: FastifyRequest, reply: FastifyReply): void {
    void request.mcpSession?.close('client')
    void reply.code(204).send()
  }
}

function messagesOf ({ body }: FastifyRequest, { record }: Session): JSONRPCMessage[] {
  if (!Array.isArray(body)) return [parseMessage(body)]
  if (record.protocolVersion !== WITH_BATCHES) throw errors.invalidMessage(`Batches are not part of MCP ${record.protocolVersion}: send one message a request`)
  return parseMessages(body)
}

function lastEventIdOf ({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id']
  return id === undefined || id === '' ? undefined : String(id)
}

function sessionRequired () {
  return errors.sessionRequired('Send Mcp-Session-Id, as the answer to initialize gave it; only initialize goes without')
}

function sessionNotFound () {
  return errors.sessionNotFound('It has ended or never was: open a new one with initialize')
}

export default mcp
