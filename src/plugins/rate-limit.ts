import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.js'
import { addressKey } from '../net.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook after the one that found the session: limits the requests that name it. */
    limitSession: onRequestHookHandler | onRequestAsyncHookHandler
  }
}

export interface RateLimitOptions {
  /** Requests per client address, IPv6 by /64. 0 turns it off. */
  rateLimitPerMinute: number
  /** Requests per session. 0 turns it off. */
  rateLimitPerSessionPerMinute: number
  maxSessions: number
}

/** Addresses that are remembered at once, at least; the one that was seen longest ago is forgotten first. */
const MAX_ADDRESSES = 10_000

/** Limits the requests of one address, before anything is done for them: an attempt at a key counts as well. And those of one session, once it is known. */
async function rateLimit (fastify: FastifyInstance, { rateLimitPerMinute, rateLimitPerSessionPerMinute, maxSessions }: RateLimitOptions): Promise<void> {
  if (rateLimitPerMinute > 0 || rateLimitPerSessionPerMinute > 0) await fastify.register(fastifyRateLimit, { global: false, cache: Math.max(MAX_ADDRESSES, maxSessions) })
  if (rateLimitPerMinute > 0) fastify.addHook('onRequest', limit(rateLimitPerMinute, request => addressKey(request.ip), 'requests'))
  fastify.decorate('limitSession', rateLimitPerSessionPerMinute > 0
    ? limit(rateLimitPerSessionPerMinute, request => String(request.mcpSession?.sessionId), 'requests in one session')
    : (_request: FastifyRequest, _reply: FastifyReply, done: () => void) => { done() })

  function limit (max: number, keyGenerator: (request: FastifyRequest) => string, what: string) {
    // Of a host that limits as well this would be the host's decorator: whatever it could have set is set here.
    const count = fastify.createRateLimit({ max, timeWindow: '1 minute', keyGenerator, allowList: [], skipOnError: false })
    return async (request: FastifyRequest): Promise<void> => {
      const { isAllowed, ...counted } = await count(request)
      if (isAllowed || !('isExceeded' in counted) || !counted.isExceeded) return
      request.log.warn({ address: request.ip, session: request.mcpSession?.hash }, 'rate limit exceeded')
      throw errors.rateLimited(`${max} ${what} a minute are allowed: try again in ${counted.ttlInSeconds} s`, { 'retry-after': String(counted.ttlInSeconds) })
    }
  }
}

export default fp(rateLimit, { name: 'weir-rate-limit', fastify: '5.x' })
