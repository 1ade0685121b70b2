import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RETRY_LATER } from '../errors.js'
import { HealthAnswer, LiveAnswer, ReadyAnswer } from '../schemas/answers.js'
import { methodNotAllowed } from './method-not-allowed.js'

export interface HealthOptions {
  /** Name and version of the MCP server that is served. */
  serverInfo: { name: string, version: string }
  /** Read at each request: whether it shuts down, and whether a new session would find room. */
  readiness: { readonly draining: boolean, readonly hasRoom: boolean }
}

/** Whether the service runs, lives, and would take a new session now. */
const health: FastifyPluginAsyncTypebox<HealthOptions> = async (fastify, { serverInfo, readiness }) => {
  const config = { endpoint: 'health' } as const

  fastify.get('/health', { config, exposeHeadRoute: true, schema: { response: { 200: HealthAnswer } } }, async (_request, reply) => {
    void reply.cacheControl('no-store')
    return { status: 'healthy' as const, service: serverInfo.name, version: serverInfo.version }
  })

  fastify.get('/health/live', { config, exposeHeadRoute: true, schema: { response: { 200: LiveAnswer } } }, async (_request, reply) => {
    void reply.cacheControl('no-store')
    return { status: 'alive' as const }
  })

  fastify.get('/health/ready', { config, exposeHeadRoute: true, schema: { response: { 200: ReadyAnswer, 503: ReadyAnswer } } }, async (_request, reply) => {
    void reply.cacheControl('no-store')
    const { draining, hasRoom } = readiness
    const status = draining ? 'draining' as const : hasRoom ? 'ready' as const : 'unavailable' as const
    if (status !== 'ready') void reply.code(503).headers(RETRY_LATER)
    return { status, checks: { accepting: draining ? 'draining' as const : 'ok' as const, capacity: hasRoom ? 'ok' as const : 'full' as const } }
  })

  for (const url of ['/health', '/health/live', '/health/ready']) methodNotAllowed(fastify, url, 'health', ['GET', 'HEAD'])
}

export default health
