import type { FastifyPluginAsync } from 'fastify'
import Negotiator from 'negotiator'
import type { Registry } from 'prom-client'
import { ErrorAnswer, MetricsAnswer, type MetricsSnapshot } from '../schemas/answers.js'
import { methodNotAllowed } from './method-not-allowed.js'

export interface MetricsRouteOptions {
  metricsRequireKey: boolean
  sessionTimeoutSeconds: number
  cleanupIntervalSeconds: number
  numbers: {
    snapshot (): MetricsSnapshot
    /** The same for Prometheus. */
    registry (): Pick<Registry, 'contentType' | 'metrics'> | Promise<Pick<Registry, 'contentType' | 'metrics'>>
  }
}

const JSON_TYPE = 'application/json'
const mediaTypes = [JSON_TYPE, 'text/plain', 'application/openmetrics-text']

/** The endpoint's numbers: JSON, or text for a Prometheus that asks for it. */
const metricsRoute: FastifyPluginAsync<MetricsRouteOptions> = async (fastify, options) => {
  const { authenticate, requireKey } = fastify
  const { numbers } = options

  fastify.get('/metrics', {
    exposeHeadRoute: true,
    config: { endpoint: 'metrics' },
    onRequest: options.metricsRequireKey ? [authenticate, requireKey] : [],
    schema: { response: { 200: { content: { 'application/json': { schema: MetricsAnswer } } }, 401: ErrorAnswer } }
  }, async (request, reply) => {
    reply.vary('Accept')
    void reply.cacheControl('no-store')
    const accepted = new Negotiator({ headers: { accept: (request.headers.accept ?? '*/*').replaceAll(/;(?!\s*q\s*=)[^;,]*/gi, '') } }).mediaType(mediaTypes) ?? JSON_TYPE
    if (accepted === JSON_TYPE) return snapshot()
    const registry = await numbers.registry()
    return await reply.type(registry.contentType).send(await registry.metrics())
  })
  methodNotAllowed(fastify, '/metrics', 'metrics', ['GET', 'HEAD'])

  function snapshot () {
    return {
      metrics: numbers.snapshot(),
      config: { session_timeout_seconds: options.sessionTimeoutSeconds, cleanup_interval_seconds: options.cleanupIntervalSeconds }
    }
  }
}

export default metricsRoute
