import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.js'
import { addressKey } from '../net.js'

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
  // Of a host that limits as well this would be the host's decorator: whatever it could have set is set here.
  const limit = fastify.createRateLimit({ max: rateLimitPerMinute, timeWindow: '1 minute', keyGenerator: request => addressKey(request.ip), allowList: [], skipOnError: false })

  fastify.addHook('onRequest', async request => {
    const { isAllowed, ...count } = await limit(request)
    if (isAllowed || !('isExceeded' in count) || !count.isExceeded) return
    request.log.warn({ address: request.ip }, 'rate limit exceeded')
    throw errors.rateLimited(`${rateLimitPerMinute} requests a minute are allowed: try again in ${count.ttlInSeconds} s`, { 'retry-after': String(count.ttlInSeconds) })
  })
}

export default fp(rateLimit, { name: 'weir-rate-limit', fastify: '5.x' })
