import http from 'node:http'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { build, fixtureServer, nothingLeft, until } from '../helper.js'
import { ACCEPT, Exchange, initializeRequest, opened, WireClient } from '../streamable-client.js'

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

const accepts: [accept: string | undefined, post: boolean, get: boolean][] = [
  [undefined, false, false],
  ['', false, false],
  ['application/json', false, false],
  ['text/event-stream', false, true],
  ['application/json, text/html', false, false],
  ['application/json, text/event-stream', true, true],
  ['text/event-stream;q=0.5,application/json;q=0.1', true, true],
  ['Text/Event-Stream, APPLICATION/JSON', true, true],
  ['application/json; charset=utf-8, text/event-stream; x=1', true, true],
  ['*/*', true, true],
  ['application/*, text/*', true, true],
  ['text/*', false, true],
  ['application/json, text/event-stream;q=0', false, false],
  ['*/*, text/event-stream;q=0', false, false],
  ['*/*, application/json;q=0', false, true],
  ['nonsense', false, false]
]

test('a client that does not take what may come is told so with 406', async t => {
  const [built, client] = await opened(t)
  for (const [accept, post, get] of accepts) {
    const { sessionHeaders } = client
    const headers = { ...sessionHeaders, ...(accept !== undefined && { accept }) }
    const posted = await Exchange.send('POST', client.url, { 'content-type': 'application/json', ...headers }, ping)
    t.equal(posted.status, post ? 200 : 406, `POST ${accept}`)
    if (!post) t.match(await posted.json(), { jsonrpc: '2.0', error: { code: -32600, message: /application\/json, text\/event-stream/ } })
    const stream = await Exchange.send('GET', client.url, headers)
    t.equal(stream.status, get ? 200 : 406, `GET ${accept}`)
    if (!get) t.match(await stream.json(), { id: null, error: { code: -32600, message: /text\/event-stream/ } })
    stream.close()
  }
  const refused = await Exchange.send('POST', client.url, { 'content-type': 'application/json', accept: 'application/json' }, JSON.stringify(initializeRequest()))
  t.equal(refused.status, 406)
  t.equal(built.app.mcp.sessions.size, 1, 'no session was opened for it')
})

const badBodies: [string, string | Buffer | undefined, http.OutgoingHttpHeaders, number, number][] = [
  ['empty', '', {}, 400, -32700],
  ['none', undefined, { 'content-length': 0 }, 400, -32700],
  ['not JSON', '{"jsonrpc":', {}, 400, -32700],
  ['not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), {}, 400, -32700],
  ['with __proto__', '{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"x":1}}', {}, 400, -32700],
  ['a number', '5', {}, 400, -32600],
  ['null', 'null', {}, 400, -32600],
  ['not JSON-RPC', '{"hello":"world"}', {}, 400, -32600],
  ['of another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', {}, 400, -32600],
  ['with a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', {}, 400, -32600],
  ['with a fraction as id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', {}, 400, -32600],
  ['with params that are a list', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', {}, 400, -32600],
  ['with a _meta that is a number', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":5}}', {}, 400, -32600],
  ['of 50 kB', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { x: 'x'.repeat(50_000) } }), {}, 413, -32600],
  ['nested deep', '['.repeat(30_000), {}, 400, -32700],
  ['with an id of 2,000 characters', JSON.stringify({ jsonrpc: '2.0', id: 'x'.repeat(2_000), method: 'ping' }), {}, 400, -32600],
  ['of another media type', ping, { 'content-type': 'text/plain' }, 415, -32600],
  ['without a media type', ping, { 'content-type': '' }, 415, -32600],
  ['in another charset', Buffer.from(ping, 'utf16le'), { 'content-type': 'application/json; charset=utf-16' }, 415, -32600],
  ['compressed', gzipSync(ping), { 'content-encoding': 'gzip' }, 415, -32600]
]

test('a body that can\'t be served is a JSON-RPC error beside the right status, with and without a session, counted once', async t => {
  const [built, client] = await opened(t, { bodyLimitBytes: 40_000 })
  for (const { post } of [{ post: client.post.bind(client) }, { post: new WireClient(client.url).post.bind(new WireClient(client.url)) }]) {
    for (const [what, body, headers, status, code] of badBodies) {
      const reply = await post(body, headers)
      t.equal(reply.status, status, what)
      const answer = await reply.json()
      t.match(answer, { jsonrpc: '2.0', error: { code, message: String, data: { requestId: String } } }, what)
      t.notMatch(answer.error?.message, /node_modules|at .*:\d+:\d+/, 'no internals')
    }
  }
  t.match(built.metrics(), { endpoint_errors: { mcp: 2 * badBodies.length }, total_errors: 2 * badBodies.length, total_messages: 2, active_sessions: 1 })
  t.equal(await client.callForText('echo', { text: 'still here' }), 'still here')
})

test('a refused message keeps the id that it came with', async t => {
  const [, client] = await opened(t)
  const refused = async (body: string) => (await (await client.post(body)).json()).id
  t.equal(await refused('{"jsonrpc":"2.0","id":"seven","method":5}'), 'seven')
  t.equal(await refused('{"jsonrpc":"2.0","id":7}'), 7)
  t.equal(await refused('{"jsonrpc":"2.0","id":{},"method":"ping"}'), null)
})

test('who is not let in is told so in plain JSON, as on the other routes', async t => {
  const built = await build(t, { apiKeys: ['key of mine'] })
  const stranger = new WireClient(`${built.url}/mcp`)
  for (const reply of [await stranger.initialize(), await stranger.listen(), await stranger.delete()]) {
    t.equal(reply.status, 401)
    t.match(reply.headers['www-authenticate'], /^Bearer/)
    t.match(await reply.json(), { error: 'Invalid or missing API key', requestId: String })
  }
  const foreign = await stranger.post(initializeRequest(), { origin: 'https://evil.example', 'x-api-key': 'key of mine' })
  t.equal(foreign.status, 403)
  t.match(await foreign.json(), { error: 'Origin not allowed' })
  nothingLeft(t, built)
})

test('too large a body is refused before it is sent', async t => {
  const [, client] = await opened(t, { bodyLimitBytes: 1_024 })
  const large = http.request(client.url, { method: 'POST', agent: false, headers: { ...client.sessionHeaders, accept: ACCEPT, 'content-type': 'application/json', 'content-length': 1_000_000 } })
  large.on('error', () => {})
  const status = new Promise(resolve => { large.on('response', response => { resolve(response.resume().statusCode) }) })
  large.flushHeaders()
  t.equal(await status, 413)
  large.destroy()
})

test('a session that ends while a body is read is 404', async t => {
  const [built, client] = await opened(t)
  const late = http.request(client.url, { method: 'POST', agent: false, headers: { ...client.sessionHeaders, accept: ACCEPT, 'content-type': 'application/json', 'content-length': ping.length } })
  const status = new Promise(resolve => { late.on('response', response => { resolve(response.resume().statusCode) }) })
  late.write(ping.slice(0, 10))
  await until(() => built.metrics().endpoint_calls['mcp'] === 3)
  await client.delete()
  late.end(ping.slice(10))
  t.equal(await status, 404)
})

for (const [how, createServer] of Object.entries({
  throws: () => { throw new Error('secret reason') },
  rejects: () => Promise.reject(new Error('secret reason')),
  'fails to connect': () => ({ connect: () => Promise.reject(new Error('secret reason')), close: () => Promise.resolve() })
})) {
  test(`a server that ${how} answers 500 without its reason, which is logged`, async t => {
    const built = await build(t, { createServer })
    const reply = await new WireClient(`${built.url}/mcp`).initialize()
    t.equal(reply.status, 500)
    t.equal(reply.headers['mcp-session-id'], undefined)
    t.match(await reply.json(), { id: 'init', error: { code: -32603, message: 'The MCP server could not be started' } })
    t.match(built.lines.filter(({ level }) => level === 50), [{ err: { message: 'secret reason' } }])
    t.match(built.metrics(), { total_errors: 1, endpoint_errors: { mcp: 1 } }, 'counted once')
    nothingLeft(t, built)
  })
}

test('a server that takes its time to start is waited for, with heartbeats, and its session is named', async t => {
  let release = () => {}
  const built = await build(t, { heartbeatSeconds: 0.02, createServer: () => new Promise(resolve => { release = () => { resolve(fixtureServer()) } }) })
  const client = new WireClient(`${built.url}/mcp`)
  const opening = client.initialize()
  await until(() => built.app.mcp.sessions.size === 1)
  const reply = await opening
  await reply.comment()
  release()
  t.match(await reply.answer(), { id: 'init', result: {} })
  t.match(reply.headers['mcp-session-id'], /^[0-9a-f-]{36}$/, 'else its client could not go on')
  client.sessionId = String(reply.headers['mcp-session-id'])
  t.equal(await client.callForText('echo', { text: 'hi' }), 'hi')
})

test('a server that fails after it took its time is an error on the stream', async t => {
  let fail = () => {}
  const built = await build(t, { createServer: () => new Promise((_resolve, reject) => { fail = () => { reject(new Error('secret reason')) } }) })
  const opening = new WireClient(`${built.url}/mcp`).initialize()
  await until(() => built.app.mcp.sessions.size === 1)
  const reply = await opening
  t.match(reply.type, /event-stream/)
  fail()
  t.match(await reply.answer(), { id: 'init', error: { code: -32603, message: 'The MCP server could not be started' } })
  await reply.ended
  await until(() => built.metrics().active_connections === 0)
  t.match(built.lines.find(({ msg }) => msg === 'server failed'), { err: { message: 'secret reason' } })
  t.match(built.metrics(), { total_errors: 1 })
  nothingLeft(t, built)
})

test('a session that ends while its server takes its time to start is no failure of the server', async t => {
  const built = await build(t, { createServer: () => new Promise(() => {}) })
  const opening = new WireClient(`${built.url}/mcp`).initialize()
  await until(() => built.app.mcp.sessions.size === 1)
  const reply = await opening
  t.match(reply.type, /event-stream/)
  await built.app.mcp.drain()
  t.match(await reply.answer(), { id: 'init', error: { code: -32603, message: 'The session ended before it was ready' } })
  t.same(built.lines.filter(({ msg }) => msg === 'server failed'), [])
})

test('a client that leaves while its server is built leaves nothing behind', async t => {
  let release = () => {}
  const built = await build(t, { createServer: () => new Promise(resolve => { release = () => { resolve(fixtureServer()) } }) })
  const request = http.request(`${built.url}/mcp`, { method: 'POST', agent: false, headers: { accept: ACCEPT, 'content-type': 'application/json' } })
  request.on('error', () => {})
  request.end(JSON.stringify(initializeRequest()))
  await until(() => built.app.mcp.sessions.size === 1)
  request.destroy()
  await new Promise<void>(resolve => { request.once('close', resolve) })
  release()
  await until(() => built.app.mcp.sessions.size === 0)
  nothingLeft(t, built)
})
