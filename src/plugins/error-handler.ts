import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { describe, errors, isWeirError, RETRY_LATER, RpcCode, type WeirError } from '../errors.js'
import { errorResponse, requestIdOf } from '../json-rpc.js'
import { pathOf } from '../log.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which errors are answered as JSON-RPC errors: those about a message, or all but 401 and 403. */
    jsonRpc?: 'messages' | 'all'
  }
}

/** Answers an error: one shape, the right headers, one log line, and no internals on a 5xx. */
export function errorHandler (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = toWeirError(thrown)
  const context = { address: request.ip, session: request.mcpSession?.hash, code: error.code, detail: error.detail }
  const cause = isWeirError(thrown) ? thrown.cause : thrown
  if (error.statusCode >= 500 && cause !== undefined) request.log.error({ ...context, err: cause }, error.message)
  else request.log.info(context, error.message)

  void reply.code(error.statusCode).type('application/json; charset=utf-8')
  // What a host's hook has set already, such as its own `retry-after`, stays.
  for (const [name, value] of Object.entries(error.headers ?? {})) if (!reply.hasHeader(name)) void reply.header(name, value)
  const rpcCode = rpcCodeOf(error, request)
  if (rpcCode !== undefined) {
    void reply.send(JSON.stringify(errorResponse(requestIdOf(request.body), rpcCode, describe(error), { requestId: request.id })))
  } else {
    void reply.send(JSON.stringify({ error: error.message, detail: error.detail, requestId: request.id }))
  }
}

/** A path that is not there. */
export function notFoundHandler (request: FastifyRequest, reply: FastifyReply): void {
  errorHandler(errors.notFound(`There is no ${request.method} ${pathOf(request.url).slice(0, 200)}`), request, reply)
}

function rpcCodeOf ({ statusCode, rpcCode }: WeirError, request: FastifyRequest): number | undefined {
  const { jsonRpc } = request.routeOptions.config
  if (jsonRpc === undefined || (jsonRpc === 'all' && (statusCode === 401 || statusCode === 403))) return undefined
  return rpcCode ?? (jsonRpc === 'messages' ? undefined : statusCode < 500 ? RpcCode.invalidRequest : RpcCode.internalError)
}

function toWeirError (error: FastifyError): WeirError {
  if (isWeirError(error)) return error
  // A host may throw anything, plain objects with a status included.
  if (typeof error !== 'object' || error === null) return Object.assign(errors.internal(), { rpcCode: RpcCode.internalError })
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return errors.messageTooLarge('The limit is BODY_LIMIT_BYTES (bodyLimitBytes)')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE': return errors.unsupportedMediaType('Send application/json in UTF-8')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY': return errors.parseError('The body is empty')
    case 'FST_ERR_CTP_INVALID_JSON_BODY': return errors.parseError('The body is not JSON, or has a forbidden key such as __proto__')
    // Its message has the whole URL, query and all.
    case 'FST_ERR_BAD_URL': return errors.refused('The URL cannot be decoded')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH': return errors.parseError('The body does not have the length that Content-Length says')
  }
  const statusCode = Number(error.statusCode) >= 400 && Number(error.statusCode) < 600 ? Number(error.statusCode) : 500
  const headers = { ...((statusCode === 429 || statusCode === 503) && RETRY_LATER), ...headersOf(error) }
  if (statusCode === 503) return Object.assign(errors.unavailable(undefined, headers), { rpcCode: RpcCode.internalError })
  if (statusCode >= 500) return Object.assign(errors.internal(), { rpcCode: RpcCode.internalError, statusCode })
  // Thrown on purpose by an embedder's `authenticate` or by another plugin: its message is meant for the client.
  return Object.assign(errors.refused(undefined, headers), { message: error.message, statusCode })
}

/** The headers that a host's error brings along, as Fastify's own handler takes them. */
function headersOf (error: object): Record<string, string> {
  const { headers = {} } = error as { headers?: object }
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])
  return Object.fromEntries(entries) as Record<string, string>
}

/** Answers the scope's errors, in the one shape that they have. */
async function errorHandling (fastify: FastifyInstance): Promise<void> {
  fastify.setErrorHandler(errorHandler)
}

export default fp(errorHandling, { name: 'weir-error-handler', fastify: '5.x' })
