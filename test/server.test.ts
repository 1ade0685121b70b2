import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { test, type Test } from 'tap'
import { loadConfig } from '../src/config.js'
import { buildServer } from '../src/server.js'
import { RawClient, until } from './helper.js'
import { run, serve } from './process.js'

/** An upstream that answers when it is told to. */
async function upstream (t: Test): Promise<{ url: string, asked: () => number, release: () => void }> {
  const waiting: http.ServerResponse[] = []
  const server = http.createServer((_request, response) => { waiting.push(response) }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => waiting.length,
    release: () => { for (const response of waiting) response.writeHead(500).end('{}') }
  }
}

test('starts, says how it is configured, and keeps stdout clean', async t => {
  const server = await serve(t, { env: { API_KEYS: 'a long enough key, another long key', CORS_ORIGINS: 'https://app.example.com', RATE_LIMIT_PER_MINUTE: '50', TRUST_PROXY: 'loopback', LOG_LEVEL: 'INFO' } })
  t.same(await (await fetch(`${server.url()}/health`)).json(), { status: 'healthy', service: 'aareguru-mcp', version: '0.1.0' })
  t.match(server.lines().find(({ msg }) => msg === 'server starting'), { version: '0.1.0' })
  t.match(server.lines().find(({ msg }) => msg === 'configuration'), {
    address: /^http:\/\/127\.0\.0\.1:\d+$/,
    keyRequired: true,
    keys: 2,
    corsOrigins: ['https://app.example.com'],
    rateLimitPerMinute: 50,
    sessionTimeoutSeconds: 3_600,
    cleanupIntervalSeconds: 300
  })
  t.match(server.lines().find(({ msg }) => msg === 'session cleanup started'), { intervalSeconds: 300 })
  t.notMatch(server.stderr(), /long enough/, 'no key in the log')
  const metrics = await fetch(`${server.url()}/metrics`, { headers: { accept: 'text/plain' } })
  t.match(await metrics.text(), /process_cpu_seconds_total/)
  await fetch(`${server.url()}/sse`, { headers: { 'x-forwarded-for': '203.0.113.7' } })
  t.match(server.lines().find(({ msg }) => msg === 'authentication failed'), { address: '203.0.113.7' })
  t.equal((await fetch(`${server.url()}/nope?session_id=x`)).status, 404)
  t.equal((await fetch(`${server.url()}/%zz`)).status, 400)
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
  t.equal(server.stdout(), '')
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} with an open stream: it is told when to come back, and the process ends with 0 and a summary`, async t => {
    const server = await serve(t, { env: { DRAIN_TIMEOUT_SECONDS: '60' } })
    const client = await RawClient.session(server.url())
    await client.initialize()
    server.child.kill(signal)
    await client.ended
    t.equal(client.retry, '1000')
    t.equal(await server.exited, 0)
    t.match(server.lines().find(({ msg }) => msg === 'shutting down'), { signal })
    t.match(server.lines().find(({ msg }) => msg === 'session closed'), { reason: 'shutdown' })
    t.match(server.lines().at(-1), { msg: 'shut down', active_sessions: 0, total_connections: 1, total_messages: 2 })
  })
}

test('a request in flight is answered before the end, and meanwhile nobody new comes in', async t => {
  const { url: AAREGURU_BASE_URL, asked, release } = await upstream(t)
  const server = await serve(t, { env: { AAREGURU_BASE_URL, DRAIN_TIMEOUT_SECONDS: '60' } })
  const [busy, idle] = [await RawClient.session(server.url()), await RawClient.session(server.url())]
  await busy.initialize()
  const answer = busy.callTool(1, 'list_cities')
  await until(() => asked() > 0)

  server.child.kill('SIGTERM')
  await idle.ended
  const ready = await fetch(`${server.url()}/health/ready`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { status: 'draining', checks: { accepting: 'draining' } })
  t.equal((await fetch(`${server.url()}/health/live`)).status, 200)
  const late = await RawClient.open(server.url())
  t.equal(late.response.statusCode, 503)
  t.ok(Number(late.response.headers['retry-after']) > 0)
  const another = await busy.post('{"jsonrpc":"2.0","id":2,"method":"ping"}')
  t.equal(another.status, 503)
  t.match(await another.json(), { id: 2, error: { message: /Shutting down/ } })
  t.equal((await busy.post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}')).status, 202, 'what is no request still gets through')

  release()
  t.match(await answer, { id: 1, result: { isError: true } })
  await busy.ended
  t.equal(await server.exited, 0)
  for (const client of [busy, idle, late]) client.close()
})

test('a request in flight that takes too long is cut', async t => {
  const { url: AAREGURU_BASE_URL, asked } = await upstream(t)
  const server = await serve(t, { env: { AAREGURU_BASE_URL, DRAIN_TIMEOUT_SECONDS: '0' } })
  const client = await RawClient.session(server.url())
  await client.initialize()
  client.callTool(1, 'list_cities').catch(() => {})
  await until(() => asked() > 0)
  server.child.kill('SIGTERM')
  await client.ended
  t.equal(await server.exited, 0)
})

test('a second signal ends it at once', async t => {
  const { url: AAREGURU_BASE_URL, asked } = await upstream(t)
  const server = await serve(t, { env: { AAREGURU_BASE_URL, DRAIN_TIMEOUT_SECONDS: '600' } })
  const client = await RawClient.session(server.url())
  await client.initialize()
  client.callTool(1, 'list_cities').catch(() => {})
  await until(() => asked() > 0)
  server.child.kill('SIGTERM')
  await until(() => server.lines().some(({ msg }) => msg === 'shutting down'))
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 1)
})

test('sockets that never sent a request, or half of one, hold nothing up', async t => {
  const server = await serve(t, { env: { DRAIN_TIMEOUT_SECONDS: '600' } })
  const port = Number(new URL(server.url()).port)
  const sockets = ['', 'GET /sse HT'].map(text => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(text)
    return socket
  })
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  t.equal((await fetch(`${server.url()}/health`)).status, 200)
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
  for (const socket of sockets) socket.destroy()
})

test('half a body is cut when the drain is over', async t => {
  const server = await serve(t, { env: { DRAIN_TIMEOUT_SECONDS: '0' } })
  const client = await RawClient.session(server.url())
  const half = http.request(server.url() + client.endpoint, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', 'content-length': 100 } })
  half.on('error', () => {})
  half.write('{')
  await until(() => half.socket?.connecting === false)
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
})

test('an error that nobody caught is logged and ends it with 1, sessions closed', async t => {
  const server = await serve(t, { preload: 'process.on("message", () => { throw new Error("boom") })' })
  const client = await RawClient.session(server.url())
  server.child.send('now')
  await client.ended
  t.equal(await server.exited, 1)
  t.match(server.lines().find(({ msg }) => msg === 'uncaught error'), { level: 60, err: { message: 'boom' } })
  t.match(server.lines().find(({ msg }) => msg === 'session closed'), { reason: 'shutdown' })
})

test('a port that is taken is one clear line and exit code 1', async t => {
  const server = await serve(t)
  const second = run(t, { args: ['--port', new URL(server.url()).port], env: { LOG_LEVEL: 'silent' } })
  t.equal(await second.exited, 1)
  t.match(second.stderr(), /^mcp-weir: .*EADDRINUSE.*127\.0\.0\.1.*\n$/)
})

test('warns loudly where anybody may come in', async t => {
  const server = await serve(t, { env: { HTTP_HOST: '0.0.0.0', API_KEY_REQUIRED: 'false' } })
  t.match(server.lines().find(({ msg }) => msg.startsWith('API_KEY_REQUIRED=false')), { level: 40 })
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
})

test('LOG_FORMAT=text is for people', async t => {
  const server = run(t, { env: { HTTP_PORT: '0', LOG_FORMAT: 'text' } })
  await until(() => server.stderr().includes('configuration'))
  t.match(server.stderr(), /INFO.*server starting/)
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
  t.match(server.stderr(), /shut down/)
  t.equal(server.stdout(), '')
})

test('a request has a minute to arrive whole', async t => {
  const app = await buildServer(loadConfig({ env: { LOG_LEVEL: 'silent' }, file: false }))
  t.teardown(() => app.close())
  t.equal(app.server.requestTimeout, 60_000)
})

test('what is no HTTP request is refused in the shape of every other error', async t => {
  const app = await buildServer(loadConfig({ env: { LOG_LEVEL: 'silent' }, file: false }))
  t.teardown(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const answerTo = async (sent: string, onconnect = (_socket: net.Socket) => {}) => {
    const connected = once(app.server, 'connection') as Promise<[net.Socket]>
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    onconnect((await connected)[0])
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => { answer += text })
    socket.write(sent)
    await new Promise(resolve => socket.on('close', resolve))
    return answer
  }
  const answers = {
    400: await answerTo('nonsense\r\n\r\n'),
    408: await answerTo('', socket => { app.server.emit('clientError', Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket) }),
    431: await answerTo(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`)
  }
  for (const [status, answer] of Object.entries(answers)) {
    t.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
    t.match(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), { error: String, requestId: String })
  }
  const gone = new net.Socket({ readable: false, writable: false }).on('error', () => {})
  t.doesNotThrow(() => app.server.emit('clientError', new Error('reset'), gone), 'nobody is there to be answered')
})

test('a method that Fastify does not know is 405 where a path is known', async t => {
  const server = await serve(t)
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => { http.request(`${server.url()}/sse`, { method: 'PROPFIND', agent: false }, resolve).on('error', reject).end() })
  t.equal(answer.resume().statusCode, 405)
})
