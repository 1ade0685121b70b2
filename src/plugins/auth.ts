import { hash, timingSafeEqual } from 'node:crypto'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { errors, type WeirError } from '../errors.js'
import type { Authenticate } from '../options.js'
import { ANONYMOUS, PrincipalSchema, type Principal } from '../sessions/principal.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook: sets `request.mcpPrincipal`, or refuses with 401. */
    authenticate: onRequestHookHandler | onRequestAsyncHookHandler
    /** An `onRequest` hook after `authenticate`, for routes that ask for a key even where others do not. */
    requireKey: (request: FastifyRequest) => Promise<void>
  }
  interface FastifyRequest {
    /** Who sends the request; `anonymous` where no key is asked for. Null before `authenticate`. */
    mcpPrincipal: Principal | null
  }
}

export interface AuthOptions {
  apiKeys: string[]
  apiKeyRequired: boolean
  authenticate?: Authenticate | undefined
}

const checker = TypeCompiler.Compile(PrincipalSchema)

/** Decorates the hooks `authenticate` and `requireKey`. */
async function auth (fastify: FastifyInstance, options: AuthOptions): Promise<void> {
  const { authenticate: identify, apiKeys, apiKeyRequired } = options
  const principalOf = byApiKey(apiKeys)
  const open = !apiKeyRequired && identify === undefined && apiKeys.length === 0
  fastify.decorateRequest('mcpPrincipal', null)

  fastify.decorate('authenticate', identify === undefined ? byKey : byHost)

  fastify.decorate('requireKey', async function requireKey (request: FastifyRequest) {
    if (request.mcpPrincipal === ANONYMOUS) throw refuse(request)
  })

  // With a callback, as every message passes here: a promise for each would be felt.
  function byKey (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
    done(accept(request, open ? ANONYMOUS : principalOf(credentialOf(request))))
  }

  async function byHost (request: FastifyRequest): Promise<void> {
    const refusal = accept(request, await identified(request))
    if (refusal !== undefined) throw refusal
  }

  function accept (request: FastifyRequest, principal: Principal | null): Error | undefined {
    if (principal !== null) request.mcpPrincipal = principal
    // A wrong key is refused even where none is asked for: its sender means to be somebody.
    else if (!apiKeyRequired && credentialOf(request) === undefined) request.mcpPrincipal = ANONYMOUS
    else return refuse(request)
    return undefined
  }

  async function identified (request: FastifyRequest): Promise<Principal | null> {
    let principal: Principal | null | undefined
    try {
      principal = await identify?.(request)
    } catch (error) {
      // A refusal like any other, in the host's own words, and with its own challenge where it has one.
      const { statusCode, message, headers } = (error ?? {}) as Partial<WeirError>
      if (statusCode !== 401) throw error
      const refusal = refuse(request)
      throw Object.assign(refusal, { message: message ?? refusal.message, headers: { ...refusal.headers, ...headers } })
    }
    if (principal == null) return null
    const issue = checker.Errors(principal).First()
    if (issue !== undefined) throw new TypeError(`authenticate: a principal's ${issue.path.slice(1).replaceAll('/', '.')}: ${issue.message.toLowerCase()}`)
    return principal
  }

  function refuse (request: FastifyRequest) {
    fastify.metrics.authFailures++
    const given = credentialOf(request) !== undefined
    request.log.warn({ address: request.ip, given }, 'authentication failed')
    // RFC 6750, section 3: an error code only where a credential was given.
    const challenge = given ? 'Bearer realm="mcp", error="invalid_token"' : 'Bearer realm="mcp"'
    const how = identify === undefined ? 'Send the key as X-API-Key: KEY or Authorization: Bearer KEY' : undefined
    return errors.unauthorized(how, { 'www-authenticate': challenge })
  }
}

/** Digits of a SHA-256 digest. */
const HEX_DIGITS = 64

/** The key in `X-API-Key`, else in `Authorization: Bearer` (RFC 6750, section 2.1). */
function credentialOf ({ headers }: FastifyRequest): string | undefined {
  const apiKey = headers['x-api-key']
  if (apiKey !== undefined) return String(apiKey)
  const bearer = /^bearer +(.*)$/i.exec(headers.authorization ?? '')
  return bearer?.[1]
}

function byApiKey (apiKeys: string[]): (credential: string | undefined) => Principal | null {
  const known = apiKeys.map(key => ({ digest: Buffer.from(sha256(key)), principal: { id: principalId(key) } }))
  const digest = Buffer.alloc(HEX_DIGITS)
  return credential => {
    if (credential === undefined) return null
    digest.write(sha256(credential), 'latin1')
    let found: Principal | null = null
    // Every digest is compared, in constant time each: how long it takes says nothing about the keys.
    for (const { digest: other, principal } of known) {
      if (timingSafeEqual(digest, other)) found = principal
    }
    return found
  }
}

/** In hexadecimal: Node makes a string of it five times as fast as a buffer. */
function sha256 (text: string): string {
  return hash('sha256', text)
}

/** Names a key without giving it away, alike in every instance that knows it. */
function principalId (key: string): string {
  return `key-${sha256(`mcp-weir principal ${key}`).slice(0, 12)}`
}

export default fp(auth, { name: 'weir-auth', dependencies: ['weir-metrics'], fastify: '5.x' })
