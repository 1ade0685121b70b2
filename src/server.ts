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

/** Milliseconds that closing may take after the drain, before the process ends all the same. */
const CLOSE_MARGIN_MS = 5_000

/** Builds the process's Fastify application around one endpoint. It does not listen yet. */
async function buildServer (config: Config): Promise<FastifyInstance> {
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
    frameworkErrors: errorHandler
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
  await fastify.listen({ host: config.host, port: config.port, listenTextResolver: address => `listening at ${address}` })
  log.info({
    address: fastify.listeningOrigin,
    keyRequired: endpoint.apiKeyRequired,
    keys: endpoint.apiKeys.length,
    corsOrigins: endpoint.corsOrigins,
    rateLimitPerMinute: endpoint.rateLimitPerMinute,
    sessionTimeoutSeconds: endpoint.sessionTimeoutSeconds,
    cleanupIntervalSeconds: endpoint.cleanupIntervalSeconds
  }, 'configuration')

  const drainMs = endpoint.drainTimeoutSeconds * 1_000
  closeWithGrace({ delay: drainMs + CLOSE_MARGIN_MS, logger: { error: (message: unknown) => { log.error(message) } } }, async ({ signal, err }) => {
    if (err !== undefined) log.fatal({ err }, 'uncaught error')
    log.info({ signal }, 'shutting down')
    const deadline = performance.now() + drainMs
    // The port stays open meanwhile: readiness says `draining`, and clients with requests in flight still get through.
    await fastify.mcp.drain()
    setTimeout(() => { fastify.server.closeAllConnections() }, Math.max(0, deadline - performance.now())).unref()
    await fastify.close()
    log.info(fastify.mcp.metrics.snapshot(), 'shut down')
  })
  return fastify
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
