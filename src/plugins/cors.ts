import fastifyCors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface CorsOptions {
  corsOrigins: '*' | string[]
}

/** Lets the listed origins' pages read the answers. A host that has CORS already keeps its own rules for Weir's routes too. */
async function cors (fastify: FastifyInstance, { corsOrigins }: CorsOptions): Promise<void> {
  if (corsOrigins.length === 0 || fastify.hasRequestDecorator('corsPreflightEnabled')) return

  // The plugin adds `OPTIONS *`, which without a prefix would answer for the host's paths: its hook answers ours before a route does.
  fastify.addHook('onRoute', route => {
    if (route.method === 'OPTIONS' && route.routePath === '*') route.url = `${fastify.prefix}/.preflight`
  })
  await fastify.register(fastifyCors, {
    // What comes without an origin is no page: it is spared the headers.
    origin: (origin, callback) => { callback(null, origin !== undefined && (corsOrigins === '*' ? '*' : corsOrigins.includes(origin))) },
    credentials: corsOrigins !== '*',
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposedHeaders: ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After'],
    // An OPTIONS that is no preflight is answered all the same, not with a 400 in plain text.
    strictPreflight: false
  })
}

export default fp(cors, { name: 'weir-cors', fastify: '5.x' })
