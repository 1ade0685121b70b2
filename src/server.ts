import { randomUUID } from 'node:crypto'
import { METHODS } from 'node:http'
import type { Socket } from 'node:net'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { collectDefaultMetrics } from 'prom-client'
import type { Config } from './config.js'
import weir from './index.js'
import { createLogger, RequestLog } from './log.js'
import { errorHandler, notFoundHandler } from './plugins/error-handler.js'
import { createAareguru } from './servers/aareguru/server.js'
import { version } from './version.js'

/** Milliseconds for a request to arrive whole: one that sends half of it and stops is cut off. */
const REQUEST_TIMEOUT_MS = 60_000

/**
 * Connections that may wait to be accepted, as far as the kernel allows. After a restart all clients come at once: with Node's 511
 * the kernel drops what comes on top, and those clients wait for seconds before they try again.
 */
const BACKLOG = 4_096

/** Milliseconds after the drain for what no session waits for: a request that is still arriving, say. */
const CUT_MS = 1_000

/** Milliseconds that closing may take after the drain, before the process ends all the same. */
const CLOSE_MARGIN_MS = 5_000

/** Builds the process's Fastify application around one endpoint. It does not listen yet. */
export async function buildServer (config: Config): Promise<FastifyInstance> {
  const log: FastifyBaseLogger = createLogger(config)
  const { createServer, serverInfo } = createAareguru({ version, ...config.aareguru })
  const fastify = Fastify({
    loggerInstance: log,
    logController: new RequestLog(),
    genReqId: () => randomUUID(),
    trustProxy: config.trustProxy.length > 0 && config.trustProxy,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // While draining the endpoint answers for itself.
    return503OnClosing: false,
    frameworkErrors: errorHandler,
    clientErrorHandler: refuseUnreadable
  })
  fastify.setErrorHandler(errorHandler)
  fastify.setNotFoundHandler(notFoundHandler)
  // A method that Fastify does not route would be a 404 where it has to be a 405.
  for (const method of METHODS) if (!fastify.supportedMethods.includes(method)) fastify.addHttpMethod(method)
  cutSilentSockets(fastify)
  await fastify.register(weir, { ...config.endpoint, createServer, serverInfo })
  collectDefaultMetrics({ register: fastify.mcp.metrics.registry })
  return fastify
}

/**
 * Runs the process: listens, and closes with grace on a signal, on an uncaught error, or when asked.
 * @throws what listening throws, such as EADDRINUSE.
 */
export async function serve (config: Config): Promise<FastifyInstance> {
  const fastify = await buildServer(config)
  const { log } = fastify
  const { endpoint } = config
  for (const warning of config.warnings) log.warn(warning)
  log.info({ version, node: process.version }, 'server starting')

  const drainMs = endpoint.drainTimeoutSeconds * 1_000
  // Before it listens: a signal may come at any time. An end without one is a failed start, whose exit code is not ours to change.
  closeWithGrace({ delay: drainMs + CLOSE_MARGIN_MS, skip: ['beforeExit'], logger: { error: (message: unknown) => { log.error(message) } } }, async ({ signal, err }) => {
    if (err !== undefined) log.fatal({ err }, 'uncaught error')
    log.info({ signal }, 'shutting down')
    // The port stays open meanwhile: readiness says `draining`, and clients with requests in flight still get through.
    await fastify.mcp.drain()
    setTimeout(() => { fastify.server.closeAllConnections() }, CUT_MS).unref()
    await fastify.close()
    log.info(fastify.mcp.metrics.snapshot(), 'shut down')
  })

  await fastify.listen({ host: config.host, port: config.port, backlog: BACKLOG, listenTextResolver: address => `listening at ${address}` })
  log.info({
    address: fastify.listeningOrigin,
    keyRequired: endpoint.apiKeyRequired,
    keys: endpoint.apiKeys.length,
    corsOrigins: endpoint.corsOrigins,
    rateLimitPerMinute: endpoint.rateLimitPerMinute,
    sessionTimeoutSeconds: endpoint.sessionTimeoutSeconds,
    cleanupIntervalSeconds: endpoint.cleanupIntervalSeconds
  }, 'configuration')

  return fastify
}

/** Answers what is no HTTP request in the shape of every other error; there is no route that could count it. */
function refuseUnreadable (error: NodeJS.ErrnoException, socket: Socket): void {
  const [status, what] = error.code === 'HPE_HEADER_OVERFLOW'
    ? ['431 Request Header Fields Too Large', 'Headers too large']
    : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? ['408 Request Timeout', 'The request did not arrive in time'] : ['400 Bad Request', 'Not an HTTP request']
  const body = JSON.stringify({ error: what, requestId: randomUUID() })
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
  socket.destroy(error)
}

/** Cuts sockets that never sent a request when the server closes: Node would wait for them. */
function cutSilentSockets (fastify: FastifyInstance): void {
  const silent = new Set<Socket>()
  fastify.server.on('connection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  fastify.server.on('request', ({ socket }) => { silent.delete(socket) })
  fastify.addHook('preClose', async () => {
    for (const socket of silent) socket.destroy()
  })
}
