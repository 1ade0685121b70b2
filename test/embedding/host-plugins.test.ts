// What a host's plugins do to Weir's own routes, when they are registered before it.
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import underPressure from '@fastify/under-pressure'
import { test } from 'tap'
import { build, nothingLeft, RawClient, until } from '../helper.js'
import { opened, talkative, WireClient } from '../streamable-client.js'

test('helmet\'s and cors\'s headers stand on Weir\'s JSON and on each of its streams', async t => {
  const origin = 'https://page.example'
  const [built, client] = await opened(t, {
    createServer: () => talkative(),
    // Who may talk to Weir is Weir's to say; which headers a page is given, the host's.
    corsOrigins: [origin],
    host: async app => {
      await app.register(helmet)
      await app.register(cors, { origin, exposedHeaders: ['mcp-session-id'] })
    }
  })
  const wanted = { 'x-frame-options': 'SAMEORIGIN', 'content-security-policy': /default-src/, 'access-control-allow-origin': origin, 'access-control-expose-headers': 'mcp-session-id' }
  client.headers['origin'] = origin
  const json = await client.call('echo', { text: 'x' })
  t.match(json.headers, { ...wanted, 'content-type': /json/ })
  const posted = await client.call('say', { pieces: 1 })
  t.match(posted.headers, { ...wanted, 'content-type': /event-stream/ })
  const standing = await client.listen()
  t.match(standing.headers, { ...wanted, 'content-type': /event-stream/ })
  const sse = await RawClient.session(built.url, { origin })
  t.match(sse.response.headers, { ...wanted, 'content-type': /event-stream/ })
  t.match((await client.post('{')).headers, wanted, 'an error')
  const preflight = await fetch(client.url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
  t.equal(preflight.status, 204)
  t.equal(preflight.headers.get('access-control-allow-origin'), origin)
  sse.close()
})

test('a rate limit of the host\'s counts Weir\'s requests too, and its 429 has Weir\'s shape and its own Retry-After', async t => {
  const built = await build(t, { host: async app => { await app.register(rateLimit, { max: 3, timeWindow: '1 minute' }) } })
  const client = await new WireClient(`${built.url}/mcp`).open()
  await client.callForText('echo', { text: 'x' })
  const refused = await client.call('echo', { text: 'x' })
  t.equal(refused.status, 429)
  t.match(await refused.json(), { jsonrpc: '2.0', error: { code: -32600, message: /Rate limit exceeded/ } })
  t.ok(Number(refused.headers['retry-after']) > 10)
  const sse = await fetch(`${built.url}/sse`)
  t.equal(sse.status, 429)
  t.match(await sse.json(), { error: /Rate limit exceeded/, requestId: String })
})

test('swagger\'s document has Weir\'s routes, and not those that only refuse', async t => {
  for (const prefix of ['', '/ai']) {
    const { app } = await build(t, { prefix, corsOrigins: ['https://page.example'], host: async app => { await app.register(swagger, { openapi: { info: { title: 'host', version: '1' } } }) } })
    const { paths = {} } = app.swagger() as { paths?: Record<string, object> }
    t.same(Object.fromEntries(Object.entries(paths).map(([path, methods]) => [path, Object.keys(methods).sort()])), {
      [`${prefix}/health`]: ['get'],
      [`${prefix}/health/live`]: ['get'],
      [`${prefix}/health/ready`]: ['get'],
      [`${prefix}/metrics`]: ['get'],
      [`${prefix}/sse`]: ['get'],
      [`${prefix}/messages`]: ['post'],
      [`${prefix}/mcp`]: ['delete', 'get', 'post']
    })
    t.match(paths[`${prefix}/mcp`], { post: { responses: { '4XX': {}, '5XX': {} } } })
  }
})

test('under-pressure\'s 503 is a JSON-RPC error on /mcp and JSON elsewhere, with its Retry-After, and opens nothing', async t => {
  let isWell = true
  const built = await build(t, {
    host: async app => { await app.register(underPressure, { healthCheck: async () => isWell, healthCheckInterval: 5, retryAfter: 77 }) }
  })
  const client = await new WireClient(`${built.url}/mcp`).open()
  isWell = false
  await until(() => built.app.isUnderPressure())
  const refused = await client.call('echo', { text: 'x' })
  t.equal(refused.status, 503)
  t.match(await refused.json(), { jsonrpc: '2.0', error: { code: -32603, message: 'Service unavailable' } })
  t.equal(refused.headers['retry-after'], '77')
  for (const path of ['/sse', '/health/ready']) {
    const answer = await fetch(built.url + path)
    t.equal(answer.status, 503)
    t.equal(answer.headers.get('retry-after'), '77')
    t.match(await answer.json(), { error: 'Service unavailable', requestId: String })
  }
  t.equal((await new WireClient(client.url).initialize()).status, 503)
  t.equal(built.app.mcp.sessions.size, 1)
  isWell = true
  await until(() => !built.app.isUnderPressure())
  t.equal(await client.callForText('echo', { text: 'well again' }), 'well again')
  await client.delete()
  nothingLeft(t, built)
})
