import type { FastifyInstance } from 'fastify'
import type { ResolvedOptions } from './options.js'
import auth from './plugins/auth.js'
import cleanup from './plugins/cleanup.js'
import cors from './plugins/cors.js'
import errorHandling, { notFoundHandler } from './plugins/error-handler.js'
import handlerTimeout from './plugins/handler-timeout.js'
import jsonBody from './plugins/json-body.js'
import metrics from './plugins/metrics.js'
import originGuard from './plugins/origin-guard.js'
import rateLimit from './plugins/rate-limit.js'
import sensible from './plugins/sensible.js'
import serializer from './plugins/serializer.js'
import sessions from './plugins/sessions.js'
import health from './routes/health.js'
import mcp from './routes/mcp.js'
import messages from './routes/messages.js'
import metricsRoute from './routes/metrics.js'
import sse from './routes/sse.js'
import { HIDDEN } from './schemas/hidden.js'

/** Everything but where the endpoint is: `register` would take a `prefix` for its own. */
export type AppOptions = Omit<ResolvedOptions, 'prefix' | 'name'>

/** One endpoint, in one encapsulated scope: plugins, then routes. */
export async function app (fastify: FastifyInstance, options: AppOptions): Promise<void> {
  await fastify.register(errorHandling)
  await fastify.register(jsonBody)
  await fastify.register(serializer)
  await fastify.register(handlerTimeout)
  await fastify.register(sensible)
  await fastify.register(metrics)
  await fastify.register(sessions, options)
  await fastify.register(cleanup, options)
  await fastify.register(health, { serverInfo: options.serverInfo, readiness: fastify.sessions })
  await fastify.register(guarded)

  // Everything but health. The hooks run in this order, the cheapest first, all before a body is read.
  async function guarded (scope: FastifyInstance): Promise<void> {
    await scope.register(originGuard, options)
    await scope.register(cors, options)
    await scope.register(rateLimit, options)
    await scope.register(auth, options)

    // Without a prefix unknown paths are the host's. A not-found handler would log the URL, and with it a session id.
    if (scope.prefix !== '') scope.all('/*', { schema: HIDDEN }, notFoundHandler)
    await scope.register(metricsRoute, { ...options, numbers: { snapshot: () => scope.metrics.snapshot(), registry: () => scope.metrics.registry } })
    await scope.register(sse, options)
    await scope.register(messages, options)
    await scope.register(mcp, options)
  }
}
