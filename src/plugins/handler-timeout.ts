import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** The longest that Fastify can be told: 24 days. */
const LONGEST_MS = 2_147_483_647

/** Keeps a host's `handlerTimeout` from cutting event streams, which are meant to stay open. What ends them is the session's idle timeout. */
async function handlerTimeout (fastify: FastifyInstance): Promise<void> {
  const { initialConfig } = fastify
  if (!('handlerTimeout' in initialConfig) || initialConfig.handlerTimeout === 0) return
  fastify.addHook('onRoute', route => { route.handlerTimeout ??= LONGEST_MS })
}

export default fp(handlerTimeout, { name: 'weir-handler-timeout', fastify: '5.x' })
