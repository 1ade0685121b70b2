import { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { pino, type Logger } from 'pino'
import { PinoPretty as pretty } from 'pino-pretty'
import type { Config } from './config.js'

/** How Weir's requests look in a log: without the query, which holds the session id. */
export const logSerializers = {
  req: (request: FastifyRequest): string => `${request.method} ${pathOf(request.url)}`
}

/**
 * Gives Weir's requests their loggers, on top of the host's own factory. Serializers are set once on a parent:
 * pino would copy them for each child.
 * @param ofEndpoint Stands in every line.
 */
export function childLoggerFactory (host: FastifyInstance, ofEndpoint: { endpoint?: string }): FastifyInstance['childLoggerFactory'] {
  const inherited = host.childLoggerFactory
  const parents = new WeakMap<FastifyBaseLogger, FastifyBaseLogger>()
  return function (logger, bindings, options, request) {
    const parent = parents.get(logger) ?? logger.child(ofEndpoint, { serializers: logSerializers })
    parents.set(logger, parent)
    return inherited.call(host, parent, bindings, options, request)
  }
}

/** A URL's path. */
export function pathOf (url: string): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}

/** The process's log, on stderr: stdout is left to protocols. `text` is for people. */
export function createLogger ({ logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>): Logger {
  const stderr = 2
  const stream = logFormat === 'text' ? pretty({ destination: stderr, sync: true }) : pino.destination({ dest: stderr, sync: true })
  return pino({ level: logLevel, serializers: logSerializers }, stream)
}

/** Fastify's two lines for each request, at `debug`: what happens to sessions is logged anyway. */
export class RequestLog extends LogController {
  override incomingRequest (request: FastifyRequest): void {
    request.log.debug({ req: request }, 'incoming request')
  }

  override requestCompleted (error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (error != null) request.log.info({ req: request, err: error }, 'request failed')
    else request.log.debug({ req: request, statusCode: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request completed')
  }

  override streamError (error: Error, request: FastifyRequest, reply: FastifyReply): void {
    // A client that went away: the session's own line says so.
    if ('code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') request.log.debug('stream closed prematurely')
    else super.streamError(error, request, reply)
  }
}
