import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.js'

export interface RateLimitOptions {
  /** Requests per client address, IPv6 by /64. 0 turns it off. */
  rateLimitPerMinute: number
}

/** Addresses that are remembered at once; the one that was seen longest ago is forgotten first. */
const MAX_ADDRESSES = 10_000

/** Limits the requests of one address, before anything is done for them: an attempt at a key counts as well. */
async function rateLimit (fastify: FastifyInstance, { rateLimitPerMinute }: RateLimitOptions): Promise<void> {
  if (rateLimitPerMinute === 0) return
  await fastify.register(fastifyRateLimit, { global: false, cache: MAX_ADDRESSES })
  // The plugin's own hooks are a route's and run after the scope's, which would let every attempt at a key through.
  fastify.addHook('onRequest', fastify.rateLimit({
    max: rateLimitPerMinute,
    timeWindow: '1 minute',
    errorResponseBuilder: (request, { after }) => {
      request.log.warn({ address: request.ip }, 'rate limit exceeded')
      return errors.rateLimited(`${rateLimitPerMinute} requests a minute are allowed: try again in ${after}`)
    }
  }))
}

export default fp(rateLimit, { name: 'weir-rate-limit', fastify: '5.x' })
