import http from 'node:http'
import net from 'node:net'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { build, fixtureServer, nothingLeft, RawClient, textOf, until } from '../helper.js'

test('opens a session whose first event names where to post', async t => {
  const built = await build(t)
  const client = await RawClient.session(built.url)
  t.equal(client.response.statusCode, 200)
  t.match(client.response.headers, { 'content-type': /^text\/event-stream/, 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  t.match(client.endpoint, /^\/messages\?session_id=[0-9a-f-]{36}$/)
  t.match(built.metrics(), { active_sessions: 1, active_connections: 1, total_connections: 1 })

  await client.initialize()
  t.match(await client.callTool(1, 'echo', { text: 'grüezi' }), { id: 1, result: { content: [{ text: 'grüezi' }] } })

  client.close()
  await until(() => built.app.mcp.sessions.size === 0 && built.metrics().active_connections === 0)
  nothingLeft(t, built)
})

test('the endpoint event names the whole prefix, the host\'s too', async t => {
  const { url } = await build(t, { prefix: '/ai' })
  const client = await RawClient.session(url, {}, '/ai/sse')
  t.match(client.endpoint, /^\/ai\/messages\?session_id=/)
  await client.initialize()
  t.match(await client.callTool(1, 'echo', { text: 'hi' }), { result: { content: [{ text: 'hi' }] } })
  client.close()
})

test('keeps the headers and hooks of the host on its streams', async t => {
  const { url } = await build(t, {
    host: app => { app.addHook('onSend', async (_request, reply) => { void reply.header('x-host', 'was here') }) }
  })
  const client = await RawClient.session(url)
  t.equal(client.response.headers['x-host'], 'was here')
  client.close()
})

test('two clients have a session each, and each its own answers', async t => {
  const built = await build(t)
  const clients = await Promise.all([RawClient.session(built.url), RawClient.session(built.url)])
  t.equal(new Set(clients.map(client => client.sessionId)).size, 2)
  await Promise.all(clients.map(client => client.initialize()))
  const answers = await Promise.all(clients.map((client, index) => client.callTool(7, 'echo', { text: `client ${index}` })))
  t.match(answers, [{ result: { content: [{ text: 'client 0' }] } }, { result: { content: [{ text: 'client 1' }] } }])
  for (const client of clients) client.close()
  await until(() => built.app.mcp.sessions.size === 0)
})

test('sends a heartbeat while nothing is said', async t => {
  const { url } = await build(t, { heartbeatSeconds: 0.02 })
  const client = await RawClient.session(url)
  t.equal(await client.comment(), 'heartbeat')
  t.equal(await client.comment(), 'heartbeat')
  client.close()
})

test('a client that leaves while its server is built leaves nothing behind', async t => {
  let release = () => {}
  let closed = false
  const built = await build(t, {
    createServer: () => new Promise(resolve => { release = () => { resolve(fixtureServer({ onclose: () => { closed = true } })) } })
  })
  const request = http.get(`${built.url}/sse`, { agent: false })
  request.on('error', () => {})
  await until(() => built.app.mcp.sessions.size === 1)
  request.destroy()
  await until(() => built.app.mcp.sessions.size === 0)
  release()
  await new Promise(resolve => setImmediate(resolve))
  nothingLeft(t, built)
  t.equal(closed, false, 'the late instance was never connected')
  t.match(built.lines.find(({ msg }) => msg === 'session closed'), { reason: 'disconnected' })
})

for (const [how, createServer] of Object.entries({
  throws: () => { throw new Error('secret reason') },
  rejects: () => Promise.reject(new Error('secret reason')),
  'fails to connect': () => ({ connect: () => Promise.reject(new Error('secret reason')), close: () => Promise.resolve() })
})) {
  test(`a server that ${how} answers 500 without its reason, which is logged`, async t => {
    const built = await build(t, { createServer })
    const response = await fetch(`${built.url}/sse`)
    t.equal(response.status, 500)
    t.match(await response.json(), { error: 'The MCP server could not be started', requestId: String })
    t.match(built.lines.filter(({ level }) => level === 50), [{ msg: 'The MCP server could not be started', err: { message: 'secret reason' } }])
    t.match(built.metrics(), { total_errors: 1, endpoint_errors: { sse: 1 } }, 'counted once')
    nothingLeft(t, built)
  })
}

test('one instance for two sessions is refused, and the first goes on', async t => {
  const shared = fixtureServer()
  const built = await build(t, { createServer: () => shared })
  const first = await RawClient.session(built.url)
  const second = await RawClient.open(built.url)
  t.equal(second.response.statusCode, 500)
  t.match(built.lines.find(({ level }) => level === 50), { err: { message: /a new server for each session/ } })
  t.match(await first.request(1, 'ping'), { result: {} })
  t.equal(built.app.mcp.sessions.size, 1)
  first.close()
})

test('200 clients at once over a cap of 10: ten are served, the others told when to come back, nothing is left', async t => {
  let built = 0
  const endpoint = await build(t, { maxSessions: 10, maxSessionsPerClient: 1_000, createServer: () => { built++; return fixtureServer() } })
  const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.open(endpoint.url)))
  const served = clients.filter(({ response }) => response.statusCode === 200)
  const refused = clients.filter(({ response }) => response.statusCode === 503)
  t.equal(served.length, 10)
  t.equal(refused.length, 190)
  t.ok(refused.every(({ response }) => Number(response.headers['retry-after']) > 0), 'all say when to come back')
  t.equal(built, 10, 'no instance was built for the others')
  t.equal((await fetch(`${endpoint.url}/health/ready`)).status, 503)
  for (const client of clients) client.close()
  await until(() => endpoint.app.mcp.sessions.size === 0 && endpoint.metrics().active_connections === 0)
  t.match(endpoint.metrics(), { endpoint_calls: { sse: 200 }, endpoint_errors: { sse: 190 }, total_errors: 191 })
  t.equal((await fetch(`${endpoint.url}/health/ready`)).status, 200)
})

test('one client has no more sessions than its share, another still gets one', async t => {
  const { url } = await build(t, { maxSessionsPerClient: 2, apiKeys: ['key of one', 'key of two'] })
  const one = { 'x-api-key': 'key of one' }
  const opened = [await RawClient.session(url, one), await RawClient.session(url, one)]
  const third = await RawClient.open(url, one)
  t.equal(third.response.statusCode, 503)
  const other = await RawClient.session(url, { 'x-api-key': 'key of two' })
  t.equal(other.response.statusCode, 200)
  for (const client of [...opened, other]) client.close()
})

test('a reader that stops costs at most the buffer, and is cut off', async t => {
  const streamBufferBytes = 262_144
  let peak = 0
  const onpiece = () => {
    void built.app.mcp.metrics.registry.getSingleMetric('mcp_stream_buffered_bytes')?.get().then(({ values }) => { peak = Math.max(peak, values[0]?.value ?? 0) })
  }
  const built = await build(t, { streamBufferBytes, createServer: () => fixtureServer({ onpiece }) })
  const client = await RawClient.session(built.url)
  await client.initialize()
  client.response.pause()
  await client.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'flood', arguments: { bytes: 60_000, pieces: 2_000 } } }))
  await until(() => built.app.mcp.sessions.size === 0 && built.metrics().active_connections === 0)
  t.ok(peak > streamBufferBytes / 2 && peak <= streamBufferBytes, `${peak} bytes waited at the most`)
  t.match(built.lines.find(({ msg }) => msg === 'session closed'), { reason: 'slow-consumer' })
  client.close()
})

test('a reader that keeps up is never cut off, however fast a server that awaits its sends produces', async t => {
  const { url } = await build(t, {
    createServer: () => {
      const server = fixtureServer()
      server.registerTool('burst', {}, async ({ sendNotification }) => {
        // Nothing but microtasks between two sends: the socket gets no turn unless `send` gives it one.
        for (let piece = 0; piece < 200; piece++) await sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(65_536) } })
        return { content: [{ type: 'text', text: 'all sent' }] }
      })
      return server
    }
  })
  const client = await RawClient.session(url)
  await client.initialize()
  t.equal(textOf(await client.callTool(1, 'burst')), 'all sent')
  t.equal(client.events.filter(({ event }) => event === 'message').length, 200)
  client.close()
})

test('an answer that no stream may hold becomes an error that says so, and the session lives on', async t => {
  const { url } = await build(t, { streamBufferBytes: 65_536 })
  const client = await RawClient.session(url)
  await client.initialize()
  t.match(await client.callTool(1, 'large', { bytes: 100_000 }), { id: 1, error: { code: -32603, message: /STREAM_BUFFER_BYTES/ } })
  t.match(await client.callTool(2, 'echo', { text: 'still here' }), { id: 2, result: {} })
  client.close()
})

test('a HEAD never opens a session', async t => {
  const built = await build(t)
  const response = await fetch(`${built.url}/sse`, { method: 'HEAD' })
  t.equal(response.status, 405)
  t.equal(response.headers.get('allow'), 'GET')
  t.equal(built.app.mcp.sessions.size, 0)
})

test('a client that is given /sse as a Streamable HTTP URL sees 405, whatever it posts', async t => {
  const { url } = await build(t)
  for (const body of ['{"jsonrpc":"2.0","id":1,"method":"initialize"}', 'x'.repeat(5_000_000)]) {
    const response = await fetch(`${url}/sse`, { method: 'POST', body, headers: { 'content-type': 'text/odd' } })
    t.equal(response.status, 405)
  }
})

test('turns TCP keep-alive on, to find machines that vanished', async t => {
  let calls = () => [] as { args: unknown[] }[]
  const built = await build(t, {
    heartbeatSeconds: 7,
    host: app => { app.server.on('connection', socket => { calls = t.capture(socket, 'setKeepAlive') }) }
  })
  const client = await RawClient.session(built.url)
  t.same(calls().map(({ args }) => args), [[true, 7_000]])
  client.close()
})

test('what is no server is a clear error', async t => {
  const built = await build(t, { createServer: () => ({}) as never })
  t.equal((await fetch(`${built.url}/sse`)).status, 500)
  t.match(built.lines.find(({ level }) => level === 50), { err: { message: /must return a server/ } })
  t.match(built.metrics(), { total_errors: 1 })
  nothingLeft(t, built)
})

test('a client that leaves while it is authenticated leaves nothing behind', async t => {
  let release = () => {}
  const built = await build(t, { authenticate: () => new Promise(resolve => { release = () => { resolve({ id: 'ada' }) } }) })
  const request = http.get(`${built.url}/sse`, { agent: false })
  request.on('error', () => {})
  await until(() => built.metrics().endpoint_calls['sse'] === 1)
  request.destroy()
  await connections(built.app, 0)
  release()
  await new Promise(resolve => setImmediate(resolve))
  nothingLeft(t, built)
})

test('of streams that are pipelined on one connection only the first is opened', async t => {
  const built = await build(t)
  const socket = net.connect(built.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  socket.write('GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(20))
  await until(() => built.metrics().endpoint_calls['sse'] === 20)
  await until(() => built.app.mcp.sessions.size === 1)
  socket.destroy()
  await until(() => built.app.mcp.sessions.size === 0 && built.metrics().active_connections === 0)
  nothingLeft(t, built)
})

test('a server whose onclose throws is an error of its own, and its session ends all the same', async t => {
  const built = await build(t, { createServer: () => fixtureServer({ onclose: () => { throw new Error('boom') } }) })
  const client = await RawClient.session(built.url)
  client.close()
  await until(() => built.app.mcp.sessions.size === 0 && built.metrics().active_connections === 0)
  t.match(built.lines.find(({ msg }) => msg === 'server failed'), { err: { message: 'boom' } })
  t.equal(built.lines.filter(({ msg }) => msg === 'session closed').length, 1)
})

test('a server that takes its time to start is waited for', async t => {
  let release = () => {}
  const built = await build(t, { heartbeatSeconds: 0.005, createServer: () => new Promise(resolve => { release = () => { resolve(fixtureServer()) } }) })
  const opening = RawClient.session(built.url)
  await until(() => built.app.mcp.sessions.size === 1)
  await new Promise(resolve => setTimeout(resolve, 50))
  release()
  const client = await opening
  t.equal(client.response.statusCode, 200)
  client.close()
})

test('a drain refuses a client whose server is still being built, and says when to come back', async t => {
  const built = await build(t, { createServer: () => new Promise(() => {}) })
  const opening = RawClient.open(built.url)
  await until(() => built.app.mcp.sessions.size === 1)
  await built.app.mcp.drain()
  const { response } = await opening
  t.equal(response.statusCode, 503)
  t.ok(Number(response.headers['retry-after']) > 0)
})

/** Waits until the server has so many connections. */
async function connections (app: FastifyInstance, wanted: number): Promise<void> {
  const count = () => new Promise<number>((resolve, reject) => { app.server.getConnections((error, open) => { if (error === null) resolve(open); else reject(error) }) })
  while (await count() !== wanted) await new Promise(resolve => setImmediate(resolve))
}
