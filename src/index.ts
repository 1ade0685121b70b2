import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { app } from './app.js'
import { endpointOf, type WeirEndpoint } from './endpoint.js'
import { errors } from './errors.js'
import { childLoggerFactory } from './log.js'
import { resolveOptions, UNNAMED, type WeirOptions } from './options.js'
import { createAareguru } from './servers/aareguru/server.js'
import { version } from './version.js'

export type { SessionInfo, WeirEndpoint, WeirNotification, WeirSessions } from './endpoint.js'
export { isWeirError, type WeirError } from './errors.js'
export type { Authenticate, CreateServer, ServerContext, WeirOptions } from './options.js'
export type { MetricsSnapshot } from './schemas/answers.js'
export type { Principal } from './sessions/principal.js'
export type { TransportName } from './sessions/session-record.js'
export type { ServerInstance } from './sessions/session-types.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The endpoint without a name, else the first. There after `ready()`. */
    mcp: WeirEndpoint
    /** All endpoints by name. */
    mcpEndpoints: Map<string, WeirEndpoint>
  }
}

/**
 * The production MCP endpoint. All its routes, hooks and handlers stay in a scope of their own; the host sees `app.mcp`.
 * @throws WEIR_ERR_INVALID_OPTION for an option that breaks its rule.
 */
const weir: FastifyPluginAsync<WeirOptions> = async (fastify, options) => {
  const { name, prefix, ...resolved } = resolveOptions(options, options.createServer === undefined ? createAareguru({ version }) : { serverInfo: { name: 'mcp-weir', version } })
  if (!fastify.hasDecorator('mcpEndpoints')) decorate(fastify)
  if (fastify.mcpEndpoints.has(name)) throw errors.invalidOption(`name: '${name}' is taken; give each endpoint of this application a name of its own`)

  await fastify.register(async scope => {
    // Of several endpoints, whose line it is.
    const ofEndpoint = name === UNNAMED ? {} : { endpoint: name }
    scope.log = fastify.log.child(ofEndpoint)
    scope.setChildLoggerFactory(childLoggerFactory(fastify, ofEndpoint))
    await app(scope, resolved)
    fastify.mcpEndpoints.set(name, endpointOf(scope, resolved))
  }, { prefix })
}

function decorate (fastify: FastifyInstance): void {
  const endpoints = new Map<string, WeirEndpoint>()
  fastify.decorate('mcpEndpoints', endpoints)
  // A Map keeps the order in which its entries came.
  fastify.decorate('mcp', { getter: () => endpoints.get(UNNAMED) ?? [...endpoints.values()][0] as WeirEndpoint })
}

export default fp(weir, { name: 'mcp-weir', fastify: '5.x' })
