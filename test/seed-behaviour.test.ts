// The system that Weir grew from: what it promised, and what it did wrong. One test for each row; the faults 13 to 16 of
// its river server are tested in test/servers/aareguru.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { test } from 'tap'
import { build, nothingLeft, RawClient, until } from './helper.js'
import { run, serve } from './process.js'

test('promise: one production transport, and no flag for a simplified one', async t => {
  const server = run(t, { args: ['--use-full-sse'] })
  t.equal(await server.exited, 1)
  const { url } = await build(t)
  const client = await RawClient.session(url)
  await client.initialize()
  t.match(await client.request(1, 'tools/list'), { result: { tools: Array } })
  client.close()
})

test('promise: sessions expire after their timeout, each cleanup is logged with its number, and starts by itself', async t => {
  const built = await build(t, { sessionTimeoutSeconds: 0.02, cleanupIntervalSeconds: 0.01 })
  const clients = await Promise.all([RawClient.session(built.url), RawClient.session(built.url)])
  await Promise.all(clients.map(client => client.ended))
  await until(() => built.metrics().active_connections === 0)
  const cleaned = built.lines.filter(({ msg }) => msg === 'sessions cleaned up').reduce((sum, line) => sum + Number(line['sessions']), 0)
  t.equal(cleaned, 2)
  t.ok(built.lines.some(({ msg }) => msg === 'session cleanup started'))
  nothingLeft(t, built)
})

test('promise: /metrics has exactly the keys of the document, and every number is true', async t => {
  const built = await build(t)
  const client = await RawClient.session(built.url)
  await client.initialize()
  await client.post('nonsense')
  await fetch(`${built.url}/health`)
  const body = await (await fetch(`${built.url}/metrics`)).json() as { metrics: Record<string, unknown>, config: object }
  t.same(Object.keys(body), ['metrics', 'config'])
  t.same(Object.keys(body.metrics), ['uptime_seconds', 'active_connections', 'total_connections', 'total_messages', 'total_errors', 'endpoint_calls', 'endpoint_errors', 'active_sessions'])
  t.match(body.metrics, {
    active_connections: 1,
    total_connections: 1,
    total_messages: 2,
    total_errors: 1,
    endpoint_calls: { health: 1, metrics: 1, sse: 1, messages: 3, mcp: 0 },
    endpoint_errors: { health: 0, metrics: 0, sse: 0, messages: 1, mcp: 0 },
    active_sessions: 1
  })
  t.same(body.config, { session_timeout_seconds: 3_600, cleanup_interval_seconds: 300 })
  client.close()
})

test('promise: errors are JSON, logged with address and session, counted, and leave nothing', async t => {
  const built = await build(t)
  const client = await RawClient.session(built.url)
  t.match(await (await client.post('[]')).json(), { jsonrpc: '2.0', error: { code: -32600 } })
  t.match(built.lines.find(({ msg }) => msg === 'Invalid request'), { address: '127.0.0.1', session: /^[0-9a-f]{12}$/ })
  t.match(built.metrics(), { total_errors: 1 })
  client.close()
  await until(() => built.app.mcp.sessions.size === 0 && built.metrics().active_connections === 0)
  nothingLeft(t, built)
})

test('promise: several keys, for /sse and /messages', async t => {
  const { url } = await build(t, { apiKeys: ['one', 'two'] })
  for (const key of ['one', 'two']) {
    const client = await RawClient.session(url, { 'x-api-key': key })
    t.equal((await client.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status, 202)
    t.equal((await client.post('{"jsonrpc":"2.0","id":1,"method":"ping"}', { 'x-api-key': 'three' })).status, 401)
    client.close()
  }
  t.equal((await fetch(`${url}/sse`)).status, 401)
})

test('promise: the start-up log says version, address, key, CORS, rate limit, timeout and interval', async t => {
  const server = await serve(t)
  t.match(server.lines().find(({ msg }) => msg === 'server starting'), { version: String })
  t.match(server.lines().find(({ msg }) => msg === 'configuration'), { address: String, keyRequired: false, corsOrigins: [], rateLimitPerMinute: 100, sessionTimeoutSeconds: 3_600, cleanupIntervalSeconds: 300 })
})

test('promise: ten health checks at once, ten metrics requests at once', async t => {
  const { url } = await build(t)
  for (const path of ['/health', '/metrics']) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(url + path)))
    t.ok(answers.every(({ status }) => status === 200))
  }
})

test('promise: an unknown path is 404 and a wrong method 405, both JSON', async t => {
  const { url } = await build(t, { prefix: '/ai' })
  const missing = await fetch(`${url}/ai/nope`)
  t.equal(missing.status, 404)
  t.match(await missing.json(), { error: 'Not found', requestId: String })
  const wrong = await fetch(`${url}/ai/messages`)
  t.equal(wrong.status, 405)
  t.equal(wrong.headers.get('allow'), 'POST')
  t.match(await wrong.json(), { error: 'Method not allowed', requestId: String })
})

test('seed 1: a client can initialize, and a failure counts once', async t => {
  const built = await build(t)
  const client = new Client({ name: 'c', version: '1' })
  await client.connect(new SSEClientTransport(new URL(`${built.url}/sse`)))
  t.ok(client.getServerVersion())
  t.equal((await fetch(`${built.url}/messages?session_id=x`, { method: 'POST' })).status, 400)
  t.match(built.metrics(), { total_errors: 1, endpoint_errors: { messages: 1 } })
  await client.close()
})

test('seed 2: every stream is a session of its own, by an id that Weir makes', async t => {
  const { app, url } = await build(t)
  const mine = '11111111-1111-4111-8111-111111111111'
  const clients = [await RawClient.session(url, {}, `/sse?session_id=${mine}`), await RawClient.session(url, {}, `/sse?session_id=${mine}`)]
  t.equal(app.mcp.sessions.size, 2)
  t.equal(new Set([mine, ...clients.map(client => client.sessionId)]).size, 3)
  for (const client of clients) client.close()
})

test('seed 3: fifty junk posts make no session', async t => {
  const { app, url } = await build(t)
  await Promise.all(Array.from({ length: 50 }, (_, index) => fetch(`${url}/messages?session_id=${index}`, { method: 'POST' })))
  t.equal(app.mcp.sessions.size, 0)
})

test('seed 4: expiry ends the stream, the heartbeat and the server instance', async t => {
  let closed = 0
  const built = await build(t, {
    sessionTimeoutSeconds: 0.05,
    cleanupIntervalSeconds: 0.01,
    heartbeatSeconds: 0.01,
    createServer: () => ({ connect: async () => {}, close: async () => { closed++ } })
  })
  const client = await RawClient.session(built.url)
  await client.comment()
  await client.ended
  await until(() => built.metrics().active_connections === 0)
  t.equal(closed, 1)
  t.match(built.lines.find(({ msg }) => msg === 'session closed'), { reason: 'idle' })
  nothingLeft(t, built)
})

test('seed 5: a connection ends once, however it ends', async t => {
  const built = await build(t, {
    createServer: () => {
      const instance = { onclose: () => {}, connect: async (transport: { onclose?: (() => void) | undefined }) => { instance.onclose = () => { transport.onclose?.() } }, close: async () => { throw new Error('a server exception') } }
      return instance
    }
  })
  const client = await RawClient.session(built.url)
  client.close()
  await until(() => built.metrics().active_connections === 0 && built.app.mcp.sessions.size === 0)
  t.equal(built.metrics().active_connections, 0, 'and not -1')
  t.equal(built.lines.filter(({ msg }) => msg === 'session closed').length, 1)
})

test('seed 6: SIGTERM with an open stream ends the process', async t => {
  const server = await serve(t)
  const client = await RawClient.session(server.url())
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
  client.close()
})

test('seed 7: HEAD opens nothing, other methods are 405, a post to a dead session is 404', async t => {
  const { app, url } = await build(t)
  for (const method of ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const response = await fetch(`${url}/sse`, { method })
    t.equal(response.status, 405, method)
    t.equal(response.headers.get('allow'), 'GET')
  }
  const client = await RawClient.session(url)
  client.close()
  await until(() => app.mcp.sessions.size === 0)
  t.equal((await client.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status, 404)
})

test('seed 8: the rate limit is enforced, and says when to come back', async t => {
  const { url } = await build(t, { rateLimitPerMinute: 3 })
  const statuses = []
  for (let index = 0; index < 5; index++) {
    const response = await fetch(`${url}/metrics`)
    statuses.push(response.status)
    if (response.status === 429) t.ok(Number(response.headers.get('retry-after')) > 0)
  }
  t.same(statuses, [200, 200, 200, 429, 429])
  t.equal((await fetch(`${url}/health`)).status, 200, 'health is exempt')
})

test('seed 9: a required key without keys stops the start, and 401s are counted and logged', async t => {
  const server = run(t, { env: { API_KEY_REQUIRED: 'true' } })
  t.equal(await server.exited, 1)
  t.match(server.stderr(), /API_KEYS/)
  const built = await build(t, { apiKeys: ['right'] })
  t.equal((await fetch(`${built.url}/sse`, { headers: { 'x-api-key': 'wrong' } })).status, 401)
  t.match(built.metrics(), { endpoint_errors: { sse: 1 }, total_errors: 1 })
  t.match(built.lines.find(({ msg }) => msg === 'authentication failed'), { address: '127.0.0.1' })
})

test('seed 10: no credentials with CORS *, foreign hosts and origins refused, bodies limited', async t => {
  const open = await build(t, { corsOrigins: '*' })
  const answer = await fetch(`${open.url}/metrics`, { headers: { origin: 'https://anywhere.example' } })
  t.equal(answer.headers.get('access-control-allow-origin'), '*')
  t.equal(answer.headers.get('access-control-allow-credentials'), null)
  const closed = await build(t, { allowedHosts: ['other.example'] })
  t.equal((await fetch(`${closed.url}/metrics`)).status, 403)
  const { url } = await build(t, { bodyLimitBytes: 1_024 })
  t.equal((await fetch(`${url}/metrics`, { headers: { origin: 'https://evil.example' } })).status, 403)
  const client = await RawClient.session(url)
  t.equal((await client.post('x'.repeat(2_000))).status, 413)
  client.close()
})

test('seed 11: LOG_LEVEL in any case', async t => {
  const server = await serve(t, { env: { LOG_LEVEL: 'Info' } })
  t.equal((await fetch(`${server.url()}/health`)).status, 200)
})

test('seed 12: nothing but a protocol ever goes to stdout', async t => {
  const server = await serve(t, { env: { LOG_LEVEL: 'trace' } })
  const client = await RawClient.session(server.url())
  await client.initialize()
  client.close()
  server.child.kill('SIGTERM')
  await server.exited
  t.equal(server.stdout(), '')
  t.ok(server.lines().length > 5)
})

test('seed 17: the MCP round trip is made, by a real client over a real socket', async t => {
  const { url } = await build(t)
  const client = new Client({ name: 'c', version: '1' })
  await client.connect(new SSEClientTransport(new URL(`${url}/sse`)))
  t.match(await client.callTool({ name: 'echo', arguments: { text: 'round trip' } }), { content: [{ text: 'round trip' }] })
  await client.close()
})
