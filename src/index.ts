import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { app, type AppOptions } from './app.js'
import { errors } from './errors.js'
import { childLoggerFactory } from './log.js'
import { resolveOptions, UNNAMED, type WeirOptions } from './options.js'
import type { MetricsSnapshot } from './schemas/answers.js'
import { createAareguru } from './servers/aareguru/server.js'
import { version } from './version.js'

export type { WeirError } from './errors.js'
export type { Authenticate, CreateServer, ServerContext, WeirOptions } from './options.js'
export type { MetricsSnapshot } from './schemas/answers.js'
export type { Principal } from './sessions/principal.js'
export type { CloseReason, ServerInstance } from './sessions/session-types.js'

/** What the host holds of an endpoint. */
export interface WeirEndpoint {
  readonly sessions: {
    /** How many sessions are open. */
    readonly size: number
  }
  readonly metrics: {
    /** The numbers of `GET /metrics`. */
    snapshot (): MetricsSnapshot
    /** The same for Prometheus, to be merged with the host's own. */
    readonly registry: Registry
  }
  /**
   * Ends all sessions, with the time of `drainTimeoutSeconds` for requests in flight. From its call on no new session
   * is accepted and readiness says `draining`. Never rejects; a second call joins the first. `app.close()` does it too.
   */
  drain (): Promise<void>
}

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
    scope.setChildLoggerFactory(childLoggerFactory(fastify))
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

function endpointOf ({ sessions, metrics }: FastifyInstance, { drainTimeoutSeconds }: AppOptions): WeirEndpoint {
  return {
    sessions: { get size () { return sessions.size } },
    metrics: {
      snapshot: () => ({ ...metrics.snapshot(), active_sessions: sessions.size }),
      registry: metrics.registry
    },
    drain: () => sessions.drain(drainTimeoutSeconds)
  }
}

export default fp(weir, { name: 'mcp-weir', fastify: '5.x' })
