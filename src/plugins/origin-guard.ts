import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.js'
import { isLoopback } from '../net.js'

export interface OriginGuardOptions {
  corsOrigins: '*' | string[]
  /** Host names as `normalizeHost` makes them. Empty: the Host header is not checked. */
  allowedHosts: string[]
}

/**
 * Refuses foreign pages: a request with an `Origin` must come from its own host, from a listed origin, or from a loopback
 * one while this server listens on loopback only; and the `Host` must be an allowed one, which stops DNS rebinding.
 * (MCP specification, "Transports", security warning.)
 */
async function originGuard (fastify: FastifyInstance, { corsOrigins, allowedHosts }: OriginGuardOptions): Promise<void> {
  const hosts = new Set(allowedHosts)
  const origins = new Set(corsOrigins)

  // With a callback, as every request passes here: a promise for each would be felt.
  fastify.addHook('onRequest', (request, _reply, done) => {
    // What a proxy forwards would do for the origin, but a page can forge it: the Host check takes the real header.
    const host = request.headers.host ?? request.headers[':authority']
    if (hosts.size > 0 && !hosts.has(hostNameOf(host))) {
      request.log.warn({ address: request.ip, host }, 'foreign host')
      return done(errors.foreignHost('Add the name to ALLOWED_HOSTS (allowedHosts) if this server is meant to be reached by it'))
    }
    const { origin } = request.headers
    if (origin === undefined || corsOrigins === '*' || origins.has(origin) || isOwn(origin, request) || (isLoopbackOrigin(origin) && listensOnLoopback())) return done()
    request.log.warn({ address: request.ip, origin }, 'foreign origin')
    done(errors.foreignOrigin('Add the origin to CORS_ORIGINS (corsOrigins) if pages from there may use this server'))
  })

  function listensOnLoopback (): boolean {
    const addresses = fastify.addresses()
    return addresses.length > 0 && addresses.every(address => typeof address === 'object' && isLoopback(address.address))
  }
}

function isLoopbackOrigin (origin: string): boolean {
  const url = parseOrigin(origin)
  return url !== undefined && isLoopback(url.hostname)
}

function isOwn (origin: string, request: FastifyRequest): boolean {
  const url = parseOrigin(origin)
  // Parsed with the origin's scheme, a Host header loses that scheme's own port, which an Origin never names.
  return url !== undefined && parseOrigin(`${url.protocol}//${request.host}`)?.host === url.host
}

function parseOrigin (origin: string): URL | undefined {
  return URL.canParse(origin) ? new URL(origin) : undefined
}

function hostNameOf (host: string | string[] | undefined): string {
  return String(host ?? '').toLowerCase().replace(/:\d*$/, '')
}

export default fp(originGuard, { name: 'weir-origin-guard', fastify: '5.x' })
