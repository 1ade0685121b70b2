import { randomUUID } from 'node:crypto'
import { METHODS } from 'node:http'
import type { Socket } from 'node:net'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Gauge } from 'prom-client'
import type { Config } from './config.js'
import { errors } from './errors.js'
import gateway from './gateway.js'
import weir from './index.js'
import { createLogger, RequestLog } from './log.js'
import { resolveOptions, type WeirOptions } from './options.js'
import { errorHandler, notFoundHandler } from './plugins/error-handler.js'
import { createAareguru } from './servers/aareguru/server.js'
import { ChildProcesses } from './servers/child-processes.js'
import { prepareServers, type PreparedServer } from './servers/prepare-servers.js'
import { describeSource } from './servers/server-source.js'
import { bundled, type Serving } from './servers/serving.js'
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

/**
 * Milliseconds that closing may take after the drain, before the process ends all the same: a child that hears nothing is
 * killed after 5 s.
 */
const CLOSE_MARGIN_MS = 8_000

/** Milliseconds that a server has at the start to say who it is: `npx` may have to download it. */
const DESCRIBE_MS = 30_000

export interface BuildServerOptions {
  /** What is served: one server without a name at the root, or several under their names. The bundled one by default. */
  servers?: PreparedServer[]
  log?: FastifyBaseLogger
  /** The processes of stdio commands. */
  children?: Pick<ChildProcesses, 'size'>
}

/** Builds the process's Fastify application around its endpoints. It does not listen yet. */
export async function buildServer (config: Config, { servers = [bundledServer(config)], log = createLogger(config), children = { size: 0 } }: BuildServerOptions = {}): Promise<FastifyInstance> {
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
  for (const server of servers) await fastify.register(weir, endpointOptions(config, server))
  const named = servers.flatMap(({ name, serverInfo }) => name === undefined ? [] : [{ name, serverInfo }])
  if (named.length > 0) {
    const hasProcess = () => children.size < config.maxChildProcesses || !servers.some(({ spawns }) => spawns)
    await fastify.register(gateway, { ...resolveOptions(config.endpoint, { serverInfo: { name: 'mcp-weir', version } }), servers: named, hasProcess })
  }
  const { registry } = named.length > 0 ? fastify.mcpGateway : fastify.mcp.metrics
  collectDefaultMetrics({ register: registry })
  registry.registerMetric(new Gauge({ name: 'mcp_child_processes', help: 'Processes of stdio commands', registers: [], collect () { this.set(children.size) } }))
  return fastify
}

/**
 * Runs the process: starts what is served, listens, and closes with grace on a signal, on an uncaught error, or when asked.
 * @throws what a server that can't be served or listening throws, such as WEIR_ERR_NOT_SERVABLE or EADDRINUSE, with no child
 * left; WEIR_ERR_INTERRUPTED if a signal came meanwhile: the process is ending then.
 */
export async function serve (config: Config, serving: Serving = bundled): Promise<FastifyInstance> {
  const log: FastifyBaseLogger = createLogger(config)
  const { endpoint, maxChildProcesses } = config
  const children = new ChildProcesses({ max: maxChildProcesses, lineLimitBytes: endpoint.bodyLimitBytes })
  const start = new AbortController()
  let fastify: FastifyInstance | undefined

  for (const warning of [...config.warnings, ...serving.kind === 'gateway' ? serving.warnings : []]) log.warn(warning)
  const announce = () => { log.info({ version, node: process.version, serving: inWords(serving) }, 'server starting') }
  // A command may take its time, and has something to say meanwhile.
  if (hasCommand(serving)) announce()

  // However the process ends, SIGKILL apart: on a second signal, say, which waits for nobody.
  process.once('exit', () => { children.kill() })
  // Before anything is started: a signal may come at any time. An end without one is a failed start, whose exit code is not ours to change.
  closeWithGrace({ delay: endpoint.drainTimeoutSeconds * 1_000 + CLOSE_MARGIN_MS, skip: ['beforeExit'], logger: { error: (message: unknown) => { log.error(message) } } }, async ({ signal, err }) => {
    if (err !== undefined) log.fatal({ err }, 'uncaught error')
    log.info({ signal }, 'shutting down')
    start.abort()
    if (fastify !== undefined) await closeGently(fastify)
    await children.close()
    log.info(fastify === undefined ? {} : summaryOf(fastify), 'shut down')
  })

  try {
    const servers = await prepareServers(serving, { version, aareguru: config.aareguru, children, maxChildProcesses, log, signal: start.signal, timeoutMs: DESCRIBE_MS })
    if (!hasCommand(serving)) announce()
    const built = await buildServer(config, { servers, log, children })
    /* c8 ignore next -- a signal within the few milliseconds since the servers are there */
    if (start.signal.aborted) throw errors.interrupted()
    fastify = built
    await fastify.listen({ host: config.host, port: config.port, backlog: BACKLOG, listenTextResolver: address => `listening at ${address}` })
  } catch (error) {
    await children.close()
    throw error
  }
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

/** Ends all sessions with grace, then the server. */
async function closeGently (fastify: FastifyInstance): Promise<void> {
  // The port stays open meanwhile: readiness says `draining`, and clients with requests in flight still get through.
  await Promise.all([...fastify.mcpEndpoints.values()].map(endpoint => endpoint.drain()))
  setTimeout(() => { fastify.server.closeAllConnections() }, CUT_MS).unref()
  await fastify.close()
}

function summaryOf (fastify: FastifyInstance): object {
  return fastify.hasDecorator('mcpGateway') ? fastify.mcpGateway.snapshot() : fastify.mcp.metrics.snapshot()
}

function bundledServer ({ aareguru }: Config): PreparedServer {
  return { name: undefined, spawns: false, ...createAareguru({ version, ...aareguru }) }
}

function endpointOptions ({ endpoint, maxChildProcesses }: Config, { name, createServer, serverInfo, spawns }: PreparedServer): WeirOptions {
  // Each session has a process, unless it may sleep without one: the caps of sessions are the caps of processes, and a session
  // that nobody uses gives way to a newcomer.
  const maxSessions = spawns && endpoint.sessionHibernateSeconds === 0 ? Math.min(endpoint.maxSessions, maxChildProcesses) : endpoint.maxSessions
  return { ...endpoint, createServer, serverInfo, maxSessions, ...(name !== undefined && { name, prefix: `/${name}` }) }
}

function hasCommand (serving: Serving): boolean {
  return (serving.kind === 'single' ? [serving] : serving.servers).some(({ source }) => source.kind === 'command')
}

/** What is served, for the log. */
function inWords (serving: Serving): string | Record<string, string> {
  return serving.kind === 'single' ? describeSource(serving.source) : Object.fromEntries(serving.servers.map(({ name, source }) => [name, describeSource(source)]))
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
