import { test } from 'tap'
import { build, fixtureServer, nothingLeft, RawClient, until } from '../helper.js'
import { ACCEPT, Exchange, gate, initializeRequest, opened, reasonsOf, WireClient } from '../streamable-client.js'

test('a session that asks too much is told when to come back; another of the same client goes on', async t => {
  const built = await build(t, { rateLimitPerSessionPerMinute: 5 })
  const client = await new WireClient(`${built.url}/mcp`).open()
  const other = await new WireClient(client.url).open()
  for (let call = 0; call < 4; call++) t.equal((await client.request('ping')).status, 200)
  for (const reply of [await client.request('ping', undefined, 'sixth'), await client.notify('notifications/initialized'), await client.listen()]) {
    t.equal(reply.status, 429)
    const seconds = Number(reply.headers['retry-after'])
    t.ok(seconds > 0 && seconds <= 60)
    const { error, ...rest } = await reply.json()
    t.match(rest, { jsonrpc: '2.0' })
    t.match(error, { code: -32600, message: /5 requests in one session a minute are allowed: try again in \d+ s/ })
  }
  t.equal((await other.request('ping')).status, 200)
  t.equal((await client.delete()).status, 204, 'ending it is always allowed')
  t.ok(built.lines.some(({ msg, session }) => msg === 'rate limit exceeded' && typeof session === 'string'))
})

test('the limit of a session holds on HTTP+SSE as well', async t => {
  const built = await build(t, { rateLimitPerSessionPerMinute: 3 })
  const client = await RawClient.session(built.url)
  t.teardown(() => { client.close() })
  await client.initialize()
  t.equal((await client.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status, 202)
  const refused = await client.post('{"jsonrpc":"2.0","id":2,"method":"ping"}')
  t.equal(refused.status, 429)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
})

test('it comes on top of the limit of an address, which counts every request, openings too', async t => {
  const built = await build(t, { rateLimitPerMinute: 8, rateLimitPerSessionPerMinute: 3 })
  const client = await new WireClient(`${built.url}/mcp`).open()
  t.equal((await client.request('ping')).status, 200)
  t.equal((await client.request('ping')).status, 200)
  t.match(await (await client.request('ping')).json(), { error: { message: /in one session/ } })
  const statuses: unknown[] = []
  for (let opening = 0; opening < 4; opening++) statuses.push((await new WireClient(client.url).initialize()).status)
  t.same(statuses, [200, 200, 200, 429])
  const refused = await new WireClient(client.url).initialize()
  t.match(await refused.json(), { jsonrpc: '2.0', error: { code: -32600, message: /8 requests a minute/ } })
  t.ok(Number(refused.headers['retry-after']) > 0)
  t.equal((await fetch(`${built.url}/health`)).status, 200)
})

test('a stranger can\'t use up the limit of somebody\'s session', async t => {
  const built = await build(t, { rateLimitPerSessionPerMinute: 3, apiKeys: ['key of one', 'key of two'] })
  const client = await new WireClient(`${built.url}/mcp`, undefined, { 'x-api-key': 'key of one' }).open()
  const thief = new WireClient(client.url, undefined, { 'x-api-key': 'key of two', 'mcp-session-id': client.sessionId })
  for (let attempt = 0; attempt < 5; attempt++) t.equal((await thief.request('ping')).status, 404)
  t.equal((await client.request('ping')).status, 200)
})

test('an open stream alone does not keep a session from its idle end', async t => {
  const [built, client] = await opened(t, { sessionTimeoutSeconds: 0.5, cleanupIntervalSeconds: 0.05, heartbeatSeconds: 0.01 })
  const stream = await client.listen()
  await stream.comment()
  await stream.ended
  t.same(reasonsOf(built), ['idle'])
  await until(() => built.metrics().active_connections === 0)
  nothingLeft(t, built)
  t.equal((await client.request('ping')).status, 404)
})

test('a call in flight spares its session from the idle end', async t => {
  const { held, open } = gate()
  const [built, client] = await opened(t, { sessionTimeoutSeconds: 0.5, cleanupIntervalSeconds: 0.05, createServer: () => fixtureServer({ wait: held }) })
  const call = client.call('wait')
  const idle = await new WireClient(client.url).open()
  await until(() => reasonsOf(built).length === 1)
  t.equal((await idle.request('ping')).status, 404)
  open('spared')
  t.match(await (await call).answer(), { result: { content: [{ text: 'spared' }] } })
  await until(() => built.app.mcp.sessions.size === 0)
})

test('a page of a listed origin can read the headers that it needs, on answers, streams and errors', async t => {
  const origin = 'https://app.example'
  const built = await build(t, { corsOrigins: [origin], apiKeys: ['a key'] })
  const client = await new WireClient(`${built.url}/mcp`, undefined, { origin, 'x-api-key': 'a key' }).open()
  const stream = await client.listen()
  const replies = {
    initialize: await new WireClient(client.url, undefined, client.headers).initialize(),
    POST: await client.request('ping'),
    202: await client.notify('notifications/initialized'),
    GET: stream,
    406: await client.post({}, { accept: 'text/html' }),
    400: await client.post('nonsense'),
    415: await client.post('x', { 'content-type': 'text/plain' }),
    404: await client.request('ping').then(async () => await new WireClient(client.url, undefined, { ...client.headers, 'mcp-session-id': 'x' }).request('ping')),
    405: await Exchange.send('PUT', client.url, client.headers),
    401: await new WireClient(client.url, undefined, { origin }).initialize(),
    DELETE: await client.delete()
  }
  for (const [what, { headers, status }] of Object.entries(replies)) {
    if (Number(what) > 0) t.equal(status, Number(what))
    t.equal(headers['access-control-allow-origin'], origin, what)
    const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(/, */)
    for (const name of ['mcp-session-id', 'mcp-protocol-version', 'www-authenticate', 'retry-after']) t.ok(exposed.includes(name), `${what}: ${name}`)
  }
  const preflight = await Exchange.send('OPTIONS', client.url, { origin, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'mcp-session-id, mcp-protocol-version, last-event-id, content-type, x-api-key' })
  t.equal(preflight.status, 204)
  t.match(preflight.headers['access-control-allow-methods'], /POST.*DELETE/)
  t.match(preflight.headers['access-control-allow-headers'], /last-event-id/)
})

test('a draining endpoint\'s 503 can be read by a page as well', async t => {
  const origin = 'https://app.example'
  const built = await build(t, { corsOrigins: [origin] })
  await built.app.mcp.drain()
  const reply = await Exchange.send('POST', `${built.url}/mcp`, { origin, accept: ACCEPT, 'content-type': 'application/json' }, JSON.stringify(initializeRequest()))
  t.equal(reply.status, 503)
  t.match(reply.headers['access-control-expose-headers'], /Retry-After/)
})
