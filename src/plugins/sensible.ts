import fastifySensible from '@fastify/sensible'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** `reply.vary`, `reply.cacheControl` and the like; a host that has them shares its own. */
async function sensible (fastify: FastifyInstance): Promise<void> {
  if (!fastify.hasPlugin('@fastify/sensible')) await fastify.register(fastifySensible)
}

export default fp(sensible, { name: 'weir-sensible', fastify: '5.x' })
