import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'

/** The plugins of Fastify's own family that many applications have. */
export const hostPlugins = {
  cors: async (app: FastifyInstance) => { await app.register(cors, { origin: 'https://host.example' }) },
  'rate-limit': async (app: FastifyInstance) => { await app.register(rateLimit, { max: 1_000 }) },
  helmet: async (app: FastifyInstance) => { await app.register(helmet) },
  swagger: async (app: FastifyInstance) => { await app.register(swagger) },
  // A limit, but for which it has no hook; one that is never met.
  'under-pressure': async (app: FastifyInstance) => { await app.register(underPressure, { maxRssBytes: Number.MAX_SAFE_INTEGER }) }
}

export async function allHostPlugins (app: FastifyInstance): Promise<void> {
  for (const register of Object.values(hostPlugins)) await register(app)
}
