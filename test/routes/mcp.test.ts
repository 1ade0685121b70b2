import { test } from 'tap'
import { build, fixtureServer, nothingLeft, RawClient, until } from '../helper.js'
import { ACCEPT, Exchange, initializeRequest, opened, reasonsOf, talkative, WireClient } from '../streamable-client.js'

const UUID = /^[0-9a-f-]{36}$/

for (const version of ['2025-03-26', '2025-06-18', '2025-11-25']) {
  test(`a client of ${version} opens a session, calls, and ends it`, async t => {
    const built = await build(t)
    const client = new WireClient(`${built.url}/mcp`, version)
    const reply = await client.initialize()
    t.equal(reply.status, 200)
    t.match(reply.type, /^application\/json/)
    t.match(reply.headers['mcp-session-id'], UUID)
    t.match(await reply.json(), { id: 'init', result: { protocolVersion: version, serverInfo: { name: 'fixture' } } })
    client.sessionId = String(reply.headers['mcp-session-id'])
    await client.notify('notifications/initialized')

    const echo = await client.call('echo', { text: 'grüezi' })
    t.match(echo.type, /^application\/json/)
    t.equal(echo.headers['mcp-session-id'], undefined, 'named once')
    t.match(await echo.json(), { jsonrpc: '2.0', id: 1, result: { content: [{ text: 'grüezi' }] } })
    t.match(built.metrics(), { active_sessions: 1, total_messages: 3, total_errors: 0, endpoint_calls: { mcp: 3 } })

    const ended = await client.delete()
    await ended.ended
    t.same([ended.status, ended.body], [204, ''])
    t.equal((await client.delete()).status, 404)
    t.equal((await client.call('echo', { text: 'late' })).status, 404)
    t.equal((await client.listen()).status, 404)
    t.same(reasonsOf(built), ['client'])
    nothingLeft(t, built)
  })
}

test('notifications and responses are accepted with 202 and no body', async t => {
  const [, client] = await opened(t)
  for (const message of [{ jsonrpc: '2.0', method: 'notifications/roots/list_changed' }, { jsonrpc: '2.0', id: 77, result: {} }, { jsonrpc: '2.0', id: 78, error: { code: 1, message: 'no' } }]) {
    const reply = await client.post(message)
    await reply.ended
    t.same([reply.status, reply.body, reply.headers['content-type']], [202, '', undefined])
  }
})

test('keeps the type of a request id', async t => {
  const [, client] = await opened(t)
  for (const id of [0, 7, '7', 'x', Number.MAX_SAFE_INTEGER]) t.equal((await (await client.request('ping', undefined, id)).json()).id, id)
})

test('only initialize goes without a session', async t => {
  const built = await build(t)
  const client = new WireClient(`${built.url}/mcp`)
  const messages = [{ jsonrpc: '2.0', id: 5, method: 'ping' }, { jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', method: 'initialize' }, { jsonrpc: '2.0', id: 5, result: {} }]
  for (const message of messages) {
    const reply = await client.post(message)
    t.equal(reply.status, 400)
    t.match(await reply.json(), { jsonrpc: '2.0', id: message.id ?? null, error: { code: -32600, message: /Mcp-Session-Id/ } })
  }
  for (const reply of [await client.listen(), await client.delete()]) {
    t.equal(reply.status, 400)
    t.match(await reply.json(), { id: null, error: { code: -32600, message: /Mcp-Session-Id/ } })
  }
  nothingLeft(t, built)
})

test('a session that never was, or belongs to the other transport, is 404 on every verb', async t => {
  const [built, client] = await opened(t)
  const other = await RawClient.session(built.url)
  t.teardown(() => { other.close() })
  for (const id of ['2f9cd2b4-7a5a-4bd5-9c5b-1de1a2a5d3f0', 'x', '', '__proto__', other.sessionId]) {
    const stranger = new WireClient(client.url, undefined, { 'mcp-session-id': id })
    for (const reply of [await stranger.request('ping', undefined, 5), await stranger.listen(), await stranger.listen('0-0'), await stranger.delete(), await stranger.post(initializeRequest())]) {
      t.equal(reply.status, 404, `${id}`)
      t.match(await reply.json(), { error: { code: -32600, message: /Session not found/ } })
    }
  }
  t.equal((await other.post('{"jsonrpc":"2.0","id":1,"method":"ping"}', {}, `/messages?session_id=${client.sessionId}`)).status, 404, 'nor does the other transport know this one')
  t.equal(built.app.mcp.sessions.size, 2)
})

test('a second initialize in a session is 400, and the session goes on', async t => {
  const [built, client] = await opened(t)
  const reply = await client.post(initializeRequest())
  t.equal(reply.status, 400)
  t.match(await reply.json(), { id: 'init', error: { code: -32600, message: /initialized already/ } })
  t.equal(await client.callForText('echo', { text: 'still here' }), 'still here')
  t.equal(built.app.mcp.sessions.size, 1)
})

test('an initialize that the server refuses leaves no session and names none', async t => {
  const built = await build(t)
  const reply = await new WireClient(`${built.url}/mcp`).post({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { nonsense: true } })
  t.match(await reply.json(), { id: 1, error: { code: Number } })
  t.equal(reply.headers['mcp-session-id'], undefined)
  nothingLeft(t, built)
})

test('a DELETE ends the session whatever comes with it, and nothing of that is read', async t => {
  const [built, client] = await opened(t)
  t.equal((await client.delete({ 'content-type': 'application/json' })).status, 204, 'a JSON type without a body')
  t.same(reasonsOf(built), ['client'])
  const second = await new WireClient(client.url).open()
  const reply = await Exchange.send('DELETE', client.url, { ...second.sessionHeaders, 'content-type': 'application/json', 'content-length': '3' }, '{"x')
  t.equal(reply.status, 204, 'broken JSON')
  t.same(reasonsOf(built), ['client', 'client'])
})

test('a GET stream ends with its session', async t => {
  const [built, client] = await opened(t)
  const stream = await client.listen()
  t.same([stream.status, stream.type], [200, 'text/event-stream'])
  t.match(stream.headers, { 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  await client.delete()
  await stream.ended
  await until(() => built.metrics().active_connections === 0)
  nothingLeft(t, built)
})

test('other methods are 405 with Allow, and a HEAD opens nothing', async t => {
  const [built, client] = await opened(t)
  for (const method of ['PUT', 'PATCH', 'OPTIONS', 'HEAD']) {
    const reply = await Exchange.send(method, client.url, { accept: ACCEPT, ...client.sessionHeaders })
    t.equal(reply.status, 405, method)
    t.equal(reply.headers.allow, 'GET, POST, DELETE')
    if (method !== 'HEAD') t.match(await reply.json(), { jsonrpc: '2.0', id: null, error: { code: -32600, message: /Method not allowed/ } })
  }
  t.match(built.metrics(), { active_connections: 0, total_connections: 0 })
})

test('a version header may be missing, or name any revision of this transport', async t => {
  const [, client] = await opened(t)
  for (const version of ['2025-11-25', '2025-06-18', '2025-03-26']) {
    t.equal((await client.post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { 'mcp-protocol-version': version })).status, 200, version)
  }
  const { 'mcp-protocol-version': _, ...headers } = client.sessionHeaders
  t.equal((await Exchange.send('POST', client.url, { accept: ACCEPT, 'content-type': 'application/json', ...headers }, '{"jsonrpc":"2.0","id":1,"method":"ping"}')).status, 200)
})

test('a version header that is not supported is 400 on every verb', async t => {
  const [built, client] = await opened(t)
  for (const version of ['1999-01-01', 'nonsense', '2026-07-28']) {
    const header = { 'mcp-protocol-version': version }
    for (const reply of [await client.post({ jsonrpc: '2.0', id: 1, method: 'ping' }, header), await client.listen(undefined, header), await client.delete(header)]) {
      t.equal(reply.status, 400, version)
      t.match(await reply.json(), { error: { code: -32600, message: /protocol version/ } })
    }
  }
  t.equal(built.app.mcp.sessions.size, 1)
})

test('a probe for 2026-07-28 is a 4xx without one of its errors: its client falls back', async t => {
  const built = await build(t)
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} }
  const reply = await new WireClient(`${built.url}/mcp`).post({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta } }, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' })
  t.ok(Number(reply.status) >= 400 && Number(reply.status) < 500)
  const { error } = await reply.json()
  t.notOk([-32020, -32021, -32022].includes(Number(error?.code)))
  nothingLeft(t, built)
})

test('a request id that is in flight is refused, and free again once it is answered', async t => {
  let release = (_answer: string) => {}
  const [, client] = await opened(t, { createServer: () => fixtureServer({ wait: () => new Promise(resolve => { release = resolve }) }) })
  const call = () => client.request('tools/call', { name: 'wait', arguments: {} }, 5)
  const first = call()
  const stale = release
  await until(() => release !== stale)
  const again = await call()
  t.equal(again.status, 400)
  t.match(await again.json(), { id: 5, error: { code: -32600, message: /in flight/ } })
  release('first')
  t.match(await (await first).answer(), { id: 5, result: { content: [{ text: 'first' }] } })
  t.equal((await client.request('ping', undefined, 5)).status, 200)
})

test('no session id is in any log line', async t => {
  const [built, client] = await opened(t)
  await client.callForText('echo', { text: 'hi' })
  await client.post('nonsense')
  await client.listen('9-9')
  const stream = await client.listen()
  await client.delete()
  await stream.ended
  await client.delete()
  t.same(built.lines.filter(line => JSON.stringify(line).includes(client.sessionId)), [])
})

test('keeps the headers and hooks of the host, on JSON and on streams, under its prefix', async t => {
  const built = await build(t, { prefix: '/ai', createServer: () => talkative(), host: app => { app.addHook('onSend', async (_request, reply) => { void reply.header('x-host', 'was here') }) } })
  const client = await new WireClient(`${built.url}/ai/mcp`).open()
  t.equal((await client.call('echo', { text: 'x' })).headers['x-host'], 'was here')
  const streamed = await client.call('say', { pieces: 1 })
  t.match(streamed.headers, { 'x-host': 'was here', 'content-type': 'text/event-stream' })
  t.match(await streamed.answer(), { result: {} })
})
