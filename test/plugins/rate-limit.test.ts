import fastifyRateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { test, type Test } from 'tap'
import auth from '../../src/plugins/auth.js'
import errorHandling from '../../src/plugins/error-handler.js'
import metrics from '../../src/plugins/metrics.js'
import rateLimit from '../../src/plugins/rate-limit.js'
import { createRecord } from '../../src/sessions/session-record.js'
import { Session } from '../../src/sessions/session.js'
import { Patience } from '../../src/streams/patience.js'
import { build, capturedLog } from '../helper.js'

const observer = { opened () {}, active () {}, received () {}, sent () {}, dropped () {}, settled () {}, failed () {}, adopt () {}, closed () {} }

async function scopeWith (app: FastifyInstance, rateLimitPerMinute: number, prefix = '') {
  await app.register(async scope => {
    await scope.register(errorHandling)
    await scope.register(rateLimit, { rateLimitPerMinute, rateLimitPerSessionPerMinute: 0, maxSessions: 1 })
    scope.get('/', async () => 'hello')
    scope.get('/other', async () => 'hello')
  }, { prefix })
}

async function host (t: Test, rateLimitPerMinute: number, fastify: FastifyServerOptions = {}) {
  const { log, lines } = capturedLog()
  const app = Fastify({ loggerInstance: log, ...fastify })
  t.teardown(() => app.close())
  await scopeWith(app, rateLimitPerMinute)
  return { app, lines }
}

/** The statuses of requests, one after the other. */
async function statuses (app: FastifyInstance, requests: { url?: string, remoteAddress?: string, headers?: Record<string, string> }[]) {
  const seen: number[] = []
  for (const request of requests) seen.push((await app.inject({ url: '/', ...request })).statusCode)
  return seen
}

test('one request too many is answered 429, in the one shape of errors, with the time to wait', async t => {
  const { app, lines } = await host(t, 2)
  t.same(await statuses(app, [{}, { url: '/other' }]), [200, 200])
  const response = await app.inject('/')
  t.equal(response.statusCode, 429)
  t.match(response.json(), { error: 'Too many requests', detail: /^2 requests a minute/, requestId: String })
  const seconds = Number(response.headers['retry-after'])
  t.ok(Number.isInteger(seconds) && seconds > 0 && seconds <= 60, `retry-after: ${seconds}`)
  t.match(lines.filter(({ msg }) => msg === 'rate limit exceeded'), [{ level: 40, address: '127.0.0.1' }])
})

test('after the minute it goes on', async t => {
  const start = performance.now()
  let now = start
  t.intercept(performance, 'now', { value: () => now })
  const { app } = await host(t, 1)
  t.same(await statuses(app, [{}, {}]), [200, 429])
  now = start + 59_000
  t.same(await statuses(app, [{}]), [429])
  now = start + 61_000
  t.same(await statuses(app, [{}]), [200])
})

test('0 turns it off, headers and all', async t => {
  const { app } = await host(t, 0)
  t.same(new Set(await statuses(app, Array.from({ length: 1_100 }, () => ({})))), new Set([200]))
  t.equal((await app.inject('/')).headers['x-ratelimit-limit'], undefined)
})

test('each address has a count of its own', async t => {
  const { app } = await host(t, 1)
  t.same(await statuses(app, ['192.0.2.1', '192.0.2.2', '192.0.2.1'].map(remoteAddress => ({ remoteAddress }))), [200, 200, 429])
})

test('an IPv6 network of /64 counts as one address, and a mapped IPv4 address as itself', async t => {
  const { app } = await host(t, 1)
  t.same(await statuses(app, ['2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:1::1'].map(remoteAddress => ({ remoteAddress }))), [200, 429, 200])
  t.same(await statuses(app, ['192.0.2.1', '::ffff:192.0.2.1'].map(remoteAddress => ({ remoteAddress }))), [200, 429])
})

test('the address is the one that a trusted proxy names, and only a trusted one', async t => {
  const forwarded = ['192.0.2.1', '192.0.2.2'].map(address => ({ headers: { 'x-forwarded-for': address } }))
  t.same(await statuses((await host(t, 1, { trustProxy: 'loopback' })).app, forwarded), [200, 200])
  t.same(await statuses((await host(t, 1)).app, forwarded), [200, 429])
})

test('attempts at a key are counted, right or wrong, before the key is looked at', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(errorHandling)
  await app.register(metrics)
  await app.register(rateLimit, { rateLimitPerMinute: 2, rateLimitPerSessionPerMinute: 0, maxSessions: 1 })
  await app.register(auth, { apiKeys: ['right'], apiKeyRequired: true })
  app.get('/', { onRequest: app.authenticate }, async () => 'hello')
  t.same(await statuses(app, ['wrong', 'worse', 'right', 'wrong'].map(key => ({ headers: { 'x-api-key': key } }))), [401, 401, 429, 429])
  t.equal(app.metrics.authFailures, 2)
})

test('every route of an endpoint is limited but health', async t => {
  const { app } = await build(t, { rateLimitPerMinute: 1 })
  t.same(await statuses(app, ['/metrics', '/metrics', '/sse', '/messages'].map(url => ({ url }))), [200, 429, 429, 429])
  t.same(await statuses(app, ['/health', '/health/live', '/health/ready', '/health'].map(url => ({ url }))), [200, 200, 200, 200])
})

test('two endpoints count for themselves, and the host\'s own routes for nobody', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await scopeWith(app, 1, '/one')
  await scopeWith(app, 2, '/two')
  app.get('/', async () => 'the host\'s')
  t.same(await statuses(app, ['/one', '/one', '/two', '/two', '/two', '/', '/', '/'].map(url => ({ url }))), [200, 429, 200, 200, 429, 200, 200, 200])
})

test('a host\'s own rate limit, with its own keys and exceptions, changes nothing about an endpoint\'s', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyRateLimit, { max: 3, keyGenerator: request => String(request.headers['x-user']), allowList: ['vip'] })
  app.get('/host', async () => 'hello')
  await scopeWith(app, 1, '/ai')
  const by = (url: string, user: string) => ({ url, headers: { 'x-user': user } })
  t.same(await statuses(app, [by('/ai', 'ada'), by('/ai', 'bob'), by('/ai', 'vip')]), [200, 429, 429], 'the endpoint counts addresses')
  t.same(await statuses(app, [by('/host', 'eve'), by('/host', 'eve'), by('/host', 'eve'), by('/host', 'eve'), by('/host', 'vip')]), [200, 200, 200, 429, 200], 'the host counts users')
})

test('a session has a limit of its own', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(errorHandling)
  app.decorateRequest('mcpSession', null)
  await app.register(rateLimit, { rateLimitPerMinute: 0, rateLimitPerSessionPerMinute: 1, maxSessions: 10 })
  const find = (request: FastifyRequest, _reply: unknown, done: () => void) => {
    const id = request.headers['mcp-session-id']
    if (id !== undefined) request.mcpSession = new Session(createRecord(String(id), 'ada', 'streamable'), 'ada', observer, new Patience())
    done()
  }
  app.get('/', { onRequest: [find, ...app.limitSession] }, async () => 'hello')
  const by = (id: string) => ({ headers: { 'mcp-session-id': id } })
  t.same(await statuses(app, [by('one'), by('one'), by('two'), {}, {}]), [200, 429, 200, 200, 200])
  const response = await app.inject({ url: '/', ...by('one') })
  t.match(response.json(), { error: 'Too many requests', detail: /^1 requests in one session a minute are allowed: try again in \d+ s$/ })
  t.match(response.headers, { 'retry-after': /^\d+$/ })
})
