import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { errors } from '../errors.js'
import { addressKey } from '../net.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** `onRequest` hooks after the one that found the session: limit the requests that name it. */
    limitSession: onRequestHookHandler[]
  }
}

export interface RateLimitOptions {
  /** Requests per client address, IPv6 by /64. 0 turns it off. */
  rateLimitPerMinute: number
  /** Requests per session. 0 turns it off. */
  rateLimitPerSessionPerMinute: number
  maxSessions: number
}

/** Addresses that are remembered at once; the one that was seen longest ago is forgotten first. */
const MAX_ADDRESSES = 10_000

const MINUTE_MS = 60_000

/** Limits the requests of one address, before anything is done for them: an attempt at a key counts as well. And those of one session, once it is known. */
async function rateLimit (fastify: FastifyInstance, { rateLimitPerMinute, rateLimitPerSessionPerMinute, maxSessions }: RateLimitOptions): Promise<void> {
  if (rateLimitPerMinute > 0) fastify.addHook('onRequest', limit(rateLimitPerMinute, MAX_ADDRESSES, request => addressKey(request.ip), 'requests'))
  fastify.decorate('limitSession', rateLimitPerSessionPerMinute > 0
    ? [limit(rateLimitPerSessionPerMinute, maxSessions, request => request.mcpSession?.sessionId, 'requests in one session')]
    : [])
}

/**
 * With a callback and a count of our own, as every request passes here: the limiter of `@fastify/rate-limit` is made of
 * promises, which cost more than all that comes after it (docs/performance.md).
 */
function limit (max: number, keys: number, keyOf: (request: FastifyRequest) => string | undefined, what: string): onRequestHookHandler {
  const counts = new LRUCache<string, { count: number, endsAt: number }>({ max: keys })
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const key = keyOf(request)
    if (key === undefined) return done()
    const now = performance.now()
    const counted = counts.get(key)
    if (counted === undefined || counted.endsAt <= now) {
      counts.set(key, { count: 1, endsAt: now + MINUTE_MS })
      return done()
    }
    if (++counted.count <= max) return done()
    request.log.warn({ address: request.ip, session: request.mcpSession?.hash }, 'rate limit exceeded')
    const seconds = Math.ceil((counted.endsAt - now) / 1_000)
    done(errors.rateLimited(`${max} ${what} a minute are allowed: try again in ${seconds} s`, { 'retry-after': String(seconds) }))
  }
}

export default fp(rateLimit, { name: 'weir-rate-limit', fastify: '5.x' })
