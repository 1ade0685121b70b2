import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { combineRegistries, combineSnapshots, type GatewaySnapshot } from './combined-metrics.js'
import type { ResolvedOptions } from './options.js'
import auth from './plugins/auth.js'
import cors from './plugins/cors.js'
import errorHandling from './plugins/error-handler.js'
import metrics, { type Metrics } from './plugins/metrics.js'
import originGuard from './plugins/origin-guard.js'
import rateLimit from './plugins/rate-limit.js'
import sensible from './plugins/sensible.js'
import serializer from './plugins/serializer.js'
import health from './routes/health.js'
import indexRoute, { type IndexEntry } from './routes/index-page.js'
import metricsRoute from './routes/metrics.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** What several endpoints of one process have in common. */
    mcpGateway: WeirGateway
  }
}

export interface WeirGateway {
  /** The numbers of all endpoints, summed and each for itself. */
  snapshot (): GatewaySnapshot
  /** Of the process's own: what is not of one endpoint alone. */
  readonly registry: Metrics['registry']
}

export interface GatewayOptions extends ResolvedOptions {
  servers: IndexEntry[]
  /** Whether a new session would find a process, if it needs one. */
  hasProcess: () => boolean
}

/** Health, numbers and an index, once for all endpoints of the application: plugins, then routes, in one encapsulated scope. */
async function gateway (fastify: FastifyInstance, options: GatewayOptions): Promise<void> {
  const { mcpEndpoints } = fastify
  const sessions = () => [...mcpEndpoints.values()].map(endpoint => endpoint.sessions)
  // Ready is who would take a new session of any of its servers.
  const readiness = {
    get draining () { return sessions().some(({ draining }) => draining) },
    get hasRoom () { return options.hasProcess() && sessions().every(({ hasRoom }) => hasRoom) }
  }

  await fastify.register(async scope => {
    await scope.register(errorHandling)
    await scope.register(serializer)
    await scope.register(sensible)
    await scope.register(metrics)
    const own = scope.metrics
    const numbers = {
      snapshot: () => combineSnapshots(mcpEndpoints, own),
      registry: () => combineRegistries(mcpEndpoints, own)
    }
    fastify.decorate('mcpGateway', { snapshot: numbers.snapshot, registry: own.registry })

    await scope.register(health, { serverInfo: options.serverInfo, readiness })
    await scope.register(async guarded => {
      await guarded.register(originGuard, options)
      await guarded.register(cors, options)
      await guarded.register(rateLimit, options)
      await guarded.register(auth, options)
      await guarded.register(metricsRoute, { ...options, numbers })
      await guarded.register(indexRoute, options)
    })
  })
}

export default fp(gateway, { name: 'weir-gateway', dependencies: ['mcp-weir'], fastify: '5.x' })
