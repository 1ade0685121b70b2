import net, { type AddressInfo } from 'node:net'
import Fastify, { type FastifyServerOptions } from 'fastify'
import { test, type Test } from 'tap'
import errorHandling from '../../src/plugins/error-handler.js'
import originGuard, { type OriginGuardOptions } from '../../src/plugins/origin-guard.js'
import { capturedLog } from '../helper.js'

async function host (t: Test, options: Partial<OriginGuardOptions> = {}, fastify: FastifyServerOptions = {}) {
  const { log, lines } = capturedLog()
  const app = Fastify({ loggerInstance: log, ...fastify })
  t.teardown(() => app.close())
  await app.register(errorHandling)
  await app.register(originGuard, { corsOrigins: [], allowedHosts: [], ...options })
  app.get('/', async () => 'hello')
  app.post('/', async () => 'hello')
  const status = async (headers: Record<string, string>) => (await app.inject({ url: '/', headers: { host: 'weir.example', ...headers } })).statusCode
  return { app, lines, status }
}

test('a request without an Origin passes', async t => {
  const { status } = await host(t)
  t.equal(await status({}), 200)
})

test('a foreign origin is refused and logged, on every method', async t => {
  const { app, lines } = await host(t)
  for (const method of ['GET', 'POST'] as const) {
    const response = await app.inject({ method, url: '/', headers: { host: 'weir.example', origin: 'https://evil.example' } })
    t.equal(response.statusCode, 403)
    t.match(response.json(), { error: 'Origin not allowed', detail: /CORS_ORIGINS/, requestId: String })
  }
  t.match(lines.filter(({ msg }) => msg === 'foreign origin'), [{ level: 40, address: '127.0.0.1', origin: 'https://evil.example' }, {}])
})

const own: Record<string, [host: string, origin: string]> = {
  'the request\'s own host': ['weir.example', 'https://weir.example'],
  'its own host and port': ['weir.example:8000', 'http://weir.example:8000'],
  'its own host in another case': ['Weir.Example', 'https://weir.example'],
  'the port that http means': ['weir.example:80', 'http://weir.example'],
  'the port that https means': ['weir.example:443', 'https://weir.example'],
  'its own IPv6 address': ['[::1]:8000', 'http://[::1]:8000']
}

for (const [what, [hostHeader, origin]] of Object.entries(own)) {
  test(`an origin of ${what} passes`, async t => {
    const { status } = await host(t)
    t.equal(await status({ host: hostHeader, origin }), 200)
  })
}

const foreign: Record<string, string> = {
  'another host': 'https://evil.example',
  'another port': 'http://weir.example:8001',
  'a host under its own': 'https://evil.weir.example',
  'a host that begins like its own': 'https://weir.example.evil.example',
  'a host that ends like its own': 'https://notweir.example',
  'its own name as a user': 'https://weir.example@evil.example',
  null: 'null',
  nothing: '',
  'its own name without a scheme': 'weir.example',
  garbage: '://',
  'a path': '/',
  'two origins': 'https://weir.example, https://evil.example',
  'two origins, its own last': 'https://evil.example, https://weir.example',
  'its own twice': 'https://weir.example, https://weir.example',
  'two origins without a space': 'https://evil.example,https://weir.example',
  'a file': 'file://'
}

for (const [what, origin] of Object.entries(foreign)) {
  test(`an origin of ${what} is refused`, async t => {
    const { status } = await host(t)
    t.equal(await status({ origin }), 403)
  })
}

test('a header sent twice is refused, whichever of the two would pass', async t => {
  const { app } = await host(t, { corsOrigins: ['https://app.example'] })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  for (const [first, second] of [['https://app.example', 'https://evil.example'], ['https://evil.example', 'https://app.example'], [url, 'https://evil.example']] as const) {
    t.match(await exchange(url, `GET / HTTP/1.1\r\nHost: ${url.slice(7)}\r\nOrigin: ${first}\r\nOrigin: ${second}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 403 /)
  }
})

test('listed origins pass, exactly as listed', async t => {
  const { status } = await host(t, { corsOrigins: ['https://app.example', 'http://app.example:8080'] })
  for (const origin of ['https://app.example', 'http://app.example:8080']) t.equal(await status({ origin }), 200, origin)
  for (const origin of ['http://app.example', 'https://app.example:8443', 'https://other.app.example', 'https://app.example.evil.example', 'null']) t.equal(await status({ origin }), 403, origin)
})

test('with * every origin passes, but no foreign host', async t => {
  const { status } = await host(t, { corsOrigins: '*', allowedHosts: ['weir.example'] })
  for (const origin of ['https://evil.example', 'null', '://']) t.equal(await status({ origin }), 200, origin)
  t.equal(await status({ origin: 'https://evil.example', host: 'evil.example' }), 403)
})

const loopbackOrigins = ['http://localhost:6274', 'http://127.0.0.1:6274', 'http://[::1]:6274', 'https://LOCALHOST']

test('loopback origins pass while only this machine can reach the port', async t => {
  const { app } = await host(t)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  for (const origin of loopbackOrigins) t.equal((await fetch(url, { headers: { origin } })).status, 200, origin)
  for (const origin of ['http://localhost.evil.example', 'http://127.0.0.1.evil.example', 'null']) t.equal((await fetch(url, { headers: { origin } })).status, 403, origin)
})

test('loopback origins are foreign to a server that others can reach', async t => {
  const { app } = await host(t)
  await app.listen({ port: 0, host: '0.0.0.0' })
  const { port } = app.server.address() as AddressInfo
  for (const origin of loopbackOrigins) t.equal((await fetch(`http://127.0.0.1:${port}`, { headers: { origin } })).status, 403, origin)
})

test('loopback origins are foreign to a server that does not listen', async t => {
  const { status } = await host(t)
  for (const origin of loopbackOrigins) t.equal(await status({ origin }), 403, origin)
})

test('behind a trusted proxy the own host is the one that the proxy was asked for', async t => {
  const forwarded = { host: 'weir.internal:8000', 'x-forwarded-host': 'weir.example', origin: 'https://weir.example' }
  t.equal(await (await host(t, {}, { trustProxy: 'loopback' })).status(forwarded), 200)
  t.equal(await (await host(t)).status(forwarded), 403, 'without one it says nothing')
  t.equal(await (await host(t, {}, { trustProxy: '10.0.0.0/8' })).status(forwarded), 403, 'nor from elsewhere')
})

test('only allowed hosts pass, whatever their case and port', async t => {
  const { status } = await host(t, { allowedHosts: ['weir.example', '127.0.0.1', '[::1]'] })
  for (const name of ['weir.example', 'WEIR.EXAMPLE', 'weir.example:8000', '127.0.0.1:1', '[::1]', '[::1]:8000']) t.equal(await status({ host: name }), 200, name)
  for (const name of ['evil.example', 'weir.example.evil.example', 'notweir.example', 'evil.example:weir.example', 'weir.example:80:80', 'weir.example, evil.example', '[::2]', '127.0.0.2', ':80', '']) {
    t.equal(await status({ host: name }), 403, name)
  }
})

test('a foreign host is answered with the reason, and logged', async t => {
  const { app, lines } = await host(t, { allowedHosts: ['weir.example'] })
  const response = await app.inject({ url: '/', headers: { host: 'evil.example' } })
  t.match(response.json(), { error: 'Host not allowed', detail: /ALLOWED_HOSTS/ })
  t.match(lines.filter(({ msg }) => msg === 'foreign host'), [{ level: 40, address: '127.0.0.1', host: 'evil.example' }])
})

test('a rebound name is refused, although the page is its own host\'s', async t => {
  const { status } = await host(t, { allowedHosts: ['localhost'] })
  t.equal(await status({ host: 'evil.example:8000', origin: 'http://evil.example:8000' }), 403)
})

test('a forged X-Forwarded-Host passes no host, even from a trusted proxy', async t => {
  const { status } = await host(t, { allowedHosts: ['weir.example'] }, { trustProxy: 'loopback' })
  t.equal(await status({ host: 'evil.example', 'x-forwarded-host': 'weir.example' }), 403)
  t.equal(await status({ host: 'weir.example', 'x-forwarded-host': 'evil.example' }), 200)
})

test('an HTTP/1.0 request without a Host is refused where hosts are checked, and served where not', async t => {
  for (const [allowedHosts, answer] of [[['localhost'], /^HTTP\/1\.1 403 /], [[], /^HTTP\/1\.1 200 /]] as const) {
    const { app } = await host(t, { allowedHosts: [...allowedHosts] })
    t.match(await exchange(await app.listen({ port: 0, host: '127.0.0.1' }), 'GET / HTTP/1.0\r\n\r\n'), answer)
  }
})

/** Sends bytes as they are, and reads what comes back. */
async function exchange (url: string, bytes: string): Promise<string> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1')
  socket.end(bytes)
  const chunks = await socket.toArray() as Buffer[]
  return Buffer.concat(chunks).toString()
}
