import http from 'node:http'
import { gzipSync } from 'node:zlib'
import { test, type Test } from 'tap'
import { build, fixtureServer, nothingLeft, RawClient, textOf, until, type Built } from '../helper.js'

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

async function opened (t: Test, options: Parameters<typeof build>[1] = {}, headers: Record<string, string> = {}): Promise<[Built, RawClient]> {
  const built = await build(t, options)
  const client = await RawClient.session(built.url, headers)
  t.teardown(() => { client.close() })
  await client.initialize()
  return [built, client]
}

test('accepts a message with 202 Accepted and answers it on the stream', async t => {
  const [built, client] = await opened(t)
  const response = await client.post(ping)
  t.equal(response.status, 202)
  t.match(response.headers.get('content-type'), /^text\/plain/)
  t.equal(await response.text(), 'Accepted')
  t.same(JSON.parse((await client.next()).data), { jsonrpc: '2.0', id: 1, result: {} })
  t.match(built.metrics(), { total_messages: 3, endpoint_calls: { messages: 3 }, total_errors: 0 })
})

test('keeps the type of a request id', async t => {
  const [, client] = await opened(t)
  for (const id of [0, 7, '7', 'x', Number.MAX_SAFE_INTEGER]) {
    await client.post(JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' }))
    t.equal((JSON.parse((await client.next()).data) as { id: unknown }).id, id)
  }
})

test('a session id that is missing, empty, doubled or malformed is 400', async t => {
  const [built, client] = await opened(t)
  const id = client.sessionId
  for (const query of ['', '?session_id=', '?session_id', `?session_id=${id}&session_id=${id}`, '?session_id=abc', `?session_id=${id}x`, `?session_id=${id}%00`,
    `?session_id[]=${id}`, `?sessionId=${id}`, `?session_id=${id.toUpperCase()}X`, `?session_id=${'9'.repeat(10_000)}`, '?session_id=__proto__']) {
    const response = await client.post(ping, {}, `/messages${query}`)
    t.equal(response.status, 400, query.slice(0, 60))
    t.match(await response.json(), { error: 'Missing or malformed session_id', detail: String, requestId: String })
  }
  t.equal(built.app.mcp.sessions.size, 1)
})

test('an unknown session and one that has ended are 404', async t => {
  const [built, client] = await opened(t)
  t.equal((await client.post(ping, {}, '/messages?session_id=2f9cd2b4-7a5a-4bd5-9c5b-1de1a2a5d3f0')).status, 404)
  client.close()
  await until(() => built.app.mcp.sessions.size === 0)
  const response = await client.post(ping)
  t.equal(response.status, 404)
  t.match(await response.json(), { error: 'Session not found', detail: /GET \/sse/ })
  nothingLeft(t, built)
})

test('another owner\'s session does not exist: 404, and it notices nothing', async t => {
  const [built, client] = await opened(t, { apiKeys: ['key of mine', 'key of another'] }, { 'x-api-key': 'key of mine' })
  const stolen = await client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}', { 'x-api-key': 'key of another' })
  t.equal(stolen.status, 404)
  t.equal((await client.post(ping, { 'x-api-key': 'wrong' })).status, 401)
  t.equal((await client.post(ping, { 'x-api-key': '' })).status, 401)
  t.match(await client.callTool(2, 'echo', { text: 'mine' }), { result: {} })
  t.match(built.metrics(), { endpoint_errors: { messages: 3 }, total_messages: 3 })
})

const badBodies: [string, string | Buffer | undefined, Record<string, string>, number, number][] = [
  ['empty', '', {}, 400, -32700],
  ['none', undefined, {}, 400, -32700],
  ['not JSON', '{"jsonrpc":', {}, 400, -32700],
  ['not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), {}, 400, -32700],
  ['with __proto__', '{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"x":1}}', {}, 400, -32700],
  ['with a nested __proto__', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{"x":1}}}', {}, 400, -32700],
  ['with constructor.prototype', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"constructor":{"prototype":{}}}}', {}, 400, -32700],
  ['a number', '5', {}, 400, -32600],
  ['null', 'null', {}, 400, -32600],
  ['an array', `[${ping}]`, {}, 400, -32600],
  ['not JSON-RPC', '{"hello":"world"}', {}, 400, -32600],
  ['of another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', {}, 400, -32600],
  ['with an unknown member', '{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}', {}, 400, -32600],
  ['with a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', {}, 400, -32600],
  ['with params that are a list', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', {}, 400, -32600],
  ['with a _meta that is a number', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":5}}', {}, 400, -32600],
  ['of 5 MB', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { x: 'x'.repeat(5_000_000) } }), {}, 413, -32600],
  ['nested 100,000 deep in a message', `{"jsonrpc":"2.0","id":1,"method":"initialize","params":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, {}, 400, -32700],
  ['with an id of 2,000 characters', JSON.stringify({ jsonrpc: '2.0', id: 'x'.repeat(2_000), method: 'ping' }), {}, 400, -32600],
  ['nested 100,000 deep', '['.repeat(100_000), {}, 400, -32700],
  ['of another media type', ping, { 'content-type': 'text/plain' }, 415, -32600],
  ['without a media type', Buffer.from(ping), { 'content-type': '' }, 415, -32600],
  ['in another charset', Buffer.from(ping, 'utf16le'), { 'content-type': 'application/json; charset=utf-16' }, 415, -32600],
  ['compressed', gzipSync(ping), { 'content-encoding': 'gzip' }, 415, -32600]
]

test('a body that can\'t be served is a JSON-RPC error beside the right status, counted once, and harms nothing', async t => {
  const [built, client] = await opened(t)
  for (const [what, body, headers, status, code] of badBodies) {
    const response = await client.post(body, headers)
    t.equal(response.status, status, what)
    const error = await response.json() as { id: unknown, error: { code: number, message: string } }
    t.match(error, { jsonrpc: '2.0', error: { code, message: String, data: { requestId: String } } }, what)
    t.notMatch(error.error.message, /node_modules|at .*:\d+:\d+/, 'no internals')
  }
  t.match(built.metrics(), { endpoint_errors: { messages: badBodies.length }, total_errors: badBodies.length, total_messages: 2, active_sessions: 1 })
  t.match(await client.callTool(9, 'echo', { text: 'still here' }), { result: {} })
})

test('a refused message keeps the id that it came with', async t => {
  const [, client] = await opened(t)
  const refused = async (body: string) => (await (await client.post(body)).json() as { id: unknown }).id
  t.equal(await refused('{"jsonrpc":"2.0","id":"seven","method":5}'), 'seven')
  t.equal(await refused('{"jsonrpc":"2.0","id":7}'), 7)
  t.equal(await refused('{"jsonrpc":"2.0","id":{},"method":"ping"}'), null)
})

test('a request id that is in flight is refused', async t => {
  let release = (_answer: string) => {}
  const [, client] = await opened(t, { createServer: () => fixtureServer({ wait: () => new Promise(resolve => { release = resolve }) }) })
  const call = JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'wait', arguments: {} } })
  t.equal((await client.post(call)).status, 202)
  const again = await client.post(call)
  t.equal(again.status, 400)
  t.match(await again.json(), { id: 5, error: { code: -32600, message: /in flight/ } })
  release('first')
  t.match(JSON.parse((await client.next()).data), { id: 5, result: { content: [{ text: 'first' }] } })
  t.equal((await client.post(call)).status, 202, 'free again once it is answered')
  release('second')
})

test('no more than a thousand requests wait in one session', async t => {
  const [, client] = await opened(t, { createServer: () => fixtureServer({ wait: () => new Promise(() => {}) }) })
  const call = (id: number) => client.post(JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'wait', arguments: {} } }))
  for (let id = 0; id < 1_000; id += 50) await Promise.all(Array.from({ length: 50 }, (_, index) => call(id + index)))
  const refused = await call(1_000)
  t.equal(refused.status, 429)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.match(await refused.json(), { id: 1_000, error: { code: -32600 } })
})

test('notifications/cancelled reaches the handler, and the session is not busy for it', async t => {
  let aborted = false
  const [, client] = await opened(t, {
    createServer: () => fixtureServer({ wait: signal => new Promise(resolve => { signal.onabort = () => { aborted = true; resolve('never seen') } }) })
  })
  const call = JSON.stringify({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'wait', arguments: {} } })
  await client.post(call)
  t.equal((await client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}')).status, 202)
  await until(() => aborted)
  t.equal((await client.post(call)).status, 202, 'the id is free again')
})

test('the server asks the client, and gets its answer', async t => {
  const [, client] = await opened(t)
  await client.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'ask', arguments: {} } }))
  const { id, method } = JSON.parse((await client.next()).data) as { id: number, method: string }
  t.equal(method, 'sampling/createMessage')
  await client.post(JSON.stringify({ jsonrpc: '2.0', id, result: { model: 'm', role: 'assistant', content: { type: 'text', text: 'The Aare' } } }))
  t.match(JSON.parse((await client.next()).data), { id: 1, result: { content: [{ text: /The Aare/ }] } })
})

test('a result that is no JSON is answered with an error', async t => {
  const [built, client] = await opened(t)
  t.match(await client.callTool(1, 'broken'), { id: 1, error: { code: -32603 } })
  t.match(built.metrics(), { total_errors: 1 })
})

test('a method that the server does not have is answered by the server', async t => {
  const [, client] = await opened(t)
  t.match(await client.request(1, 'no/such'), { error: { code: -32601 } })
})

test('handlers see who calls on every message, and no key', async t => {
  const [, client] = await opened(t, { apiKeys: ['a secret of mine'] }, { 'x-api-key': 'a secret of mine', cookie: 'a=secret' })
  const answer = await client.callTool(1, 'whoami')
  const { authInfo, headers } = JSON.parse(textOf(answer)) as Record<string, Record<string, unknown>>
  t.match(authInfo, { token: '', clientId: /^key-[0-9a-f]{12}$/, scopes: [] })
  t.match(headers, { 'content-type': 'application/json' })
  t.notMatch(JSON.stringify(headers), /secret/)
})

test('without keys nobody is authenticated', async t => {
  const [, client] = await opened(t)
  const answer = await client.callTool(1, 'whoami')
  t.notOk('authInfo' in (JSON.parse(textOf(answer)) as object))
})

test('the claims of a principal reach the handlers', async t => {
  const [, client] = await opened(t, { authenticate: () => ({ id: 'ada', scopes: ['swim'], claims: { team: 'blue' } }) })
  const answer = await client.callTool(1, 'whoami')
  t.match(JSON.parse(textOf(answer)), { authInfo: { token: '', clientId: 'ada', scopes: ['swim'], extra: { team: 'blue' } } })
})

test('half a request holds nothing of a session, and its end leaves nothing', async t => {
  const [built, client] = await opened(t)
  const half = http.request(built.url + client.endpoint, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', 'content-length': 1_000 } })
  half.on('error', () => {})
  half.write('{"jsonrpc":')
  await until(() => built.metrics().endpoint_calls['messages'] === 3)
  t.match(await client.callTool(1, 'echo', { text: 'meanwhile' }), { result: {} })
  half.destroy()
  t.match(await client.callTool(2, 'echo', { text: 'after' }), { result: {} })
  t.equal(built.metrics()['total_messages'], 4)
})

test('a session that ends while a body is read is 404', async t => {
  const [built, client] = await opened(t)
  const late = http.request(built.url + client.endpoint, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', 'content-length': ping.length } })
  const status = new Promise(resolve => { late.on('response', response => { resolve(response.resume().statusCode) }) })
  late.write(ping.slice(0, 10))
  await until(() => built.metrics().endpoint_calls['messages'] === 3)
  client.close()
  await until(() => built.app.mcp.sessions.size === 0)
  late.end(ping.slice(10))
  t.equal(await status, 404)
})

test('too large a body is refused before it is sent', async t => {
  const [built, client] = await opened(t, { bodyLimitBytes: 1_024 })
  const large = http.request(built.url + client.endpoint, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', 'content-length': 1_000_000 } })
  large.on('error', () => {})
  const status = new Promise(resolve => { large.on('response', response => { resolve(response.resume().statusCode) }) })
  large.flushHeaders()
  t.equal(await status, 413)
  large.destroy()
})

test('no session id is in any log line', async t => {
  const built = await build(t, { prefix: '/ai' })
  const client = await RawClient.session(built.url, {}, '/ai/sse')
  await client.callTool(1, 'echo', { text: 'hi' })
  await client.post('nonsense')
  await client.post(ping, {}, `/ai/messages?session_id=${client.sessionId}&x=1`)
  await client.post(ping, {}, `/ai/messages/?session_id=${client.sessionId}`)
  client.close()
  await until(() => built.app.mcp.sessions.size === 0)
  const withId = built.lines.filter(line => JSON.stringify(line).includes(client.sessionId))
  t.same(withId, [])
})

test('a server that throws at a message is an error of its own, and the session is not busy for it', async t => {
  let onmessage = () => {}
  const built = await build(t, { createServer: () => ({ connect: async transport => { transport.onmessage = () => { onmessage() } }, close: async () => {} }) })
  const client = await RawClient.session(built.url)
  onmessage = () => { throw new Error('secret reason') }
  const failed = await client.post(ping)
  t.equal(failed.status, 500)
  t.notMatch(await failed.text(), /secret/)
  onmessage = () => {}
  t.equal((await client.post(ping)).status, 202, 'the id is free again')
  client.close()
})

test('a large body with brackets and quotes in its strings is no deep one', async t => {
  const [, client] = await opened(t)
  const text = `${'[{'.repeat(5_000)}"\\" \\\\`.repeat(4)
  t.equal(textOf(await client.callTool(1, 'echo', { text, lists: Array.from({ length: 5_000 }, () => [[{}]]) })), text)
  t.equal((await client.post(`{"jsonrpc":"2.0","id":2,"method":"${'x'.repeat(20_000)}`)).status, 400, 'a string without an end')
})
