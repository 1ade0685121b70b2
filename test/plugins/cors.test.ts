import fastifyCors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import cors, { type CorsOptions } from '../../src/plugins/cors.js'
import { build } from '../helper.js'

const origin = 'https://app.example'
const preflight = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type, x-api-key' }

/** A scope of its own with a path that answers like Weir's: every method has a route. */
async function endpoint (app: FastifyInstance, corsOrigins: CorsOptions['corsOrigins'], prefix = '') {
  await app.register(async scope => {
    await scope.register(cors, { corsOrigins })
    scope.get('/mcp', async () => 'hello')
    scope.options('/mcp', async (_request, reply) => reply.code(405).send())
  }, { prefix })
}

async function host (t: Test, corsOrigins: CorsOptions['corsOrigins'], prefix?: string) {
  const app = Fastify()
  t.teardown(() => app.close())
  await endpoint(app, corsOrigins, prefix)
  return app
}

test('the preflight of a listed origin says what it may send', async t => {
  const app = await host(t, ['https://other.example', origin])
  const { statusCode, headers, body } = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: preflight })
  t.equal(statusCode, 204)
  t.equal(body, '')
  t.match(headers, {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
    'access-control-allow-headers': 'content-type, x-api-key',
    vary: /Origin/
  })
})

test('a listed origin may read the answer, and the headers that a client needs', async t => {
  const app = await host(t, [origin])
  const { statusCode, headers } = await app.inject({ url: '/mcp', headers: { origin } })
  t.equal(statusCode, 200)
  t.match(headers, { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: /Origin/ })
  for (const name of ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After']) t.match(headers['access-control-expose-headers'], name)
})

test('a foreign origin may not', async t => {
  const app = await host(t, [origin])
  for (const foreign of ['https://evil.example', 'http://app.example', 'https://app.example.evil.example', 'null']) {
    for (const method of ['GET', 'OPTIONS'] as const) {
      const { headers } = await app.inject({ method, url: '/mcp', headers: { ...preflight, origin: foreign } })
      t.equal(headers['access-control-allow-origin'], undefined, `${method} from ${foreign}`)
    }
  }
})

test('* lets everybody read, without credentials', async t => {
  const app = await host(t, '*')
  for (const method of ['GET', 'OPTIONS'] as const) {
    const { headers } = await app.inject({ method, url: '/mcp', headers: preflight })
    t.equal(headers['access-control-allow-origin'], '*')
    t.equal(headers['access-control-allow-credentials'], undefined)
  }
})

test('an OPTIONS that is no preflight is no 400 in plain text', async t => {
  const app = await host(t, [origin])
  t.equal((await app.inject({ method: 'OPTIONS', url: '/mcp' })).statusCode, 405, 'from no page')
  t.equal((await app.inject({ method: 'OPTIONS', url: '/mcp', headers: { origin } })).statusCode, 204, 'from a page')
})

test('without origins nothing is added, and OPTIONS is answered as any other method', async t => {
  const app = await host(t, [])
  const response = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: preflight })
  t.equal(response.statusCode, 405)
  t.equal(response.headers['access-control-allow-origin'], undefined)
})

test('without a prefix the host\'s own OPTIONS stay the host\'s', async t => {
  const app = await host(t, [origin])
  app.options('/own', async () => 'mine')
  app.options('*', async () => 'all mine')
  for (const [url, body] of [['/own', 'mine'], ['/elsewhere', 'all mine']] as const) {
    const response = await app.inject({ method: 'OPTIONS', url, headers: preflight })
    t.match(response, { statusCode: 200, body })
    t.equal(response.headers['access-control-allow-origin'], undefined)
  }
})

test('without a prefix a path that the host does not have stays a 404 of the host\'s', async t => {
  const app = await host(t, '*')
  const response = await app.inject({ method: 'OPTIONS', url: '/elsewhere', headers: preflight })
  t.equal(response.statusCode, 404)
  t.equal(response.headers['access-control-allow-origin'], undefined)
})

test('two endpoints have rules of their own', async t => {
  const app = await host(t, [origin], '/one')
  await endpoint(app, ['https://second.example'], '/two')
  t.match((await app.inject({ method: 'OPTIONS', url: '/one/mcp', headers: preflight })).headers, { 'access-control-allow-origin': origin })
  t.equal((await app.inject({ method: 'OPTIONS', url: '/two/mcp', headers: preflight })).headers['access-control-allow-origin'], undefined)
})

test('a host that has CORS already boots, and keeps its own rules', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCors, { origin: 'https://host.example' })
  await endpoint(app, [origin], '/ai')
  for (const url of ['/ai/mcp', '/elsewhere']) {
    t.match((await app.inject({ method: 'OPTIONS', url, headers: preflight })).headers, { 'access-control-allow-origin': 'https://host.example' })
  }
})

test('a host that adds CORS afterwards boots, and each has its own rules', async t => {
  const app = await host(t, [origin])
  await app.register(fastifyCors, { origin: 'https://host.example' })
  t.match((await app.inject({ method: 'OPTIONS', url: '/mcp', headers: preflight })).headers, { 'access-control-allow-origin': origin })
  t.match((await app.inject({ method: 'OPTIONS', url: '/elsewhere', headers: preflight })).headers, { 'access-control-allow-origin': 'https://host.example' })
})

test('a preflight of an endpoint needs no key, one from a foreign page is refused, and health has no CORS', async t => {
  const { app } = await build(t, { prefix: '/ai', apiKeys: ['a key'], corsOrigins: [origin] })
  for (const url of ['/ai/sse', '/ai/messages?session_id=1', '/ai/metrics']) {
    t.match(await app.inject({ method: 'OPTIONS', url, headers: preflight }), { statusCode: 204, headers: { 'access-control-allow-origin': origin } }, url)
    t.equal((await app.inject({ method: 'OPTIONS', url, headers: { ...preflight, origin: 'https://evil.example' } })).statusCode, 403, url)
  }
  t.equal((await app.inject({ url: '/ai/health', headers: { origin } })).headers['access-control-allow-origin'], undefined)
})

test('a refusal of a listed origin\'s request can be read by its page', async t => {
  const { app } = await build(t, { apiKeys: ['a key'], corsOrigins: [origin] })
  const response = await app.inject({ url: '/sse', headers: { origin } })
  t.match(response, { statusCode: 401, headers: { 'access-control-allow-origin': origin, 'access-control-expose-headers': /WWW-Authenticate/ } })
})
