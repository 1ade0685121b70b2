import Fastify from 'fastify'
import { test, type Test } from 'tap'
import metricsPlugin, { endpointNames, Metrics } from '../../src/plugins/metrics.js'
import { closeReasons } from '../../src/sessions/session-types.js'
import { build } from '../helper.js'

const none = Object.fromEntries(endpointNames.map(name => [name, 0]))

async function host (t: Test) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(metricsPlugin)
  const config = { endpoint: 'messages' } as const
  app.get('/fine', { config: { endpoint: 'sse' } }, async () => 'fine')
  app.post('/fine', { config }, async () => 'fine')
  app.get('/refused', { config, onRequest: async () => { throw Object.assign(new Error('no'), { statusCode: 401 }) } }, async () => 'never')
  app.get('/broken', { config }, async () => { throw new Error('no') })
  app.get('/other', async (_request, reply) => reply.code(500).send('not counted'))
  return app
}

test('begins at nothing', async t => {
  t.match(new Metrics().snapshot(), {
    active_connections: 0, total_connections: 0, total_messages: 0, total_errors: 0, endpoint_calls: none, endpoint_errors: none
  })
})

test('a call is counted once, under the name of its endpoint', async t => {
  const app = await host(t)
  await app.inject('/fine')
  await app.inject({ method: 'HEAD', url: '/fine' })
  await app.inject({ method: 'POST', url: '/fine' })
  t.match(app.metrics.snapshot(), { total_errors: 0, endpoint_calls: { ...none, sse: 2, messages: 1 }, endpoint_errors: none })
})

test('an error is counted once, wherever it was thrown, and as a call too', async t => {
  const app = await host(t)
  await app.inject('/refused')
  await app.inject('/broken')
  await app.inject({ method: 'POST', url: '/fine', headers: { 'content-type': 'application/json' }, payload: '{' })
  t.match(app.metrics.snapshot(), { total_errors: 3, endpoint_calls: { ...none, messages: 3 }, endpoint_errors: { ...none, messages: 3 } })
})

test('a path that belongs to no endpoint is not counted', async t => {
  const app = await host(t)
  await app.inject('/other')
  await app.inject('/no/such/path')
  t.match(app.metrics.snapshot(), { total_errors: 0, endpoint_calls: none, endpoint_errors: none })
})

test('a request that the host refuses first is no error without a call', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRequest', async () => { throw Object.assign(new Error('not today'), { statusCode: 403 }) })
  await app.register(metricsPlugin)
  app.get('/', { config: { endpoint: 'sse' } }, async () => 'fine')
  t.equal((await app.inject('/')).statusCode, 403)
  t.equal(app.metrics.endpointCalls.sse, app.metrics.endpointErrors.sse)
})

test('errors of server instances count among all errors, and to no endpoint', async t => {
  const metrics = new Metrics()
  metrics.endpointErrors.sse = 2
  metrics.serverErrors = 3
  t.match(metrics.snapshot(), { total_errors: 5, endpoint_errors: { ...none, sse: 2 } })
})

test('connections come and go, and the total stays', async t => {
  const metrics = new Metrics()
  metrics.connectionOpened()
  metrics.connectionOpened()
  metrics.connectionClosed()
  t.match(metrics.snapshot(), { active_connections: 1, total_connections: 2 })
})

test('the time since the start is in seconds, and goes on', async t => {
  let now = 5_000
  t.intercept(performance, 'now', { value: () => now })
  const metrics = new Metrics()
  now += 1_500
  t.equal(metrics.snapshot().uptime_seconds, 1.5)
})

test('a snapshot does not move afterwards', async t => {
  const metrics = new Metrics()
  const before = metrics.snapshot()
  metrics.endpointCalls.sse++
  metrics.endpointErrors.sse++
  t.match(before, { endpoint_calls: none, endpoint_errors: none })
})

/** Reads Prometheus' text format 0.0.4: every sample by its name and labels. Throws at a line that is none. */
function parse (text: string): Map<string, { value: number, type: string | undefined }> {
  const [types, samples] = [new Map<string, string>(), new Map<string, { value: number, type: string | undefined }>()]
  if (!text.endsWith('\n')) throw new Error('The last line has no end')
  for (const line of text.split('\n').filter(line => line !== '')) {
    const type = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line)
    const sample = /^(([a-z_]+)(?:\{[a-z_]+="[^"\\\n]*"\})?) (\d+(?:\.\d+)?)$/.exec(line)
    if (type?.[1] !== undefined && type[2] !== undefined) types.set(type[1], type[2])
    else if (sample?.[1] !== undefined && !samples.has(sample[1])) samples.set(sample[1], { value: Number(sample[3]), type: types.get(sample[2] ?? '') })
    else if (!/^# HELP [a-z_]+ \S/.test(line)) throw new Error(`Not in the format, or twice: ${line}`)
  }
  return samples
}

test('Prometheus is told every number, with its type, as often as it asks', async t => {
  const metrics = new Metrics()
  Object.assign(metrics, { messagesReceived: 3, messagesSent: 4, messagesDropped: 5, sessionsOpened: 6, authFailures: 7, serverErrors: 8 })
  metrics.connectionOpened()
  metrics.connectionOpened()
  metrics.connectionClosed()
  metrics.endpointCalls.sse = 9
  metrics.endpointErrors.messages = 2
  metrics.sessionsClosed.idle = 1
  let open = 1
  metrics.gauge('mcp_sessions_active', 'Sessions that are open', () => open)

  await metrics.registry.metrics()
  open = 2
  const samples = parse(await metrics.registry.metrics())
  for (const [name, value] of Object.entries({
    mcp_connections_active: 1,
    mcp_connections_total: 2,
    mcp_sessions_active: 2,
    mcp_sessions_opened_total: 6,
    mcp_messages_received_total: 3,
    mcp_messages_sent_total: 4,
    mcp_messages_dropped_total: 5,
    mcp_auth_failures_total: 7,
    mcp_server_errors_total: 8,
    'mcp_http_requests_total{endpoint="sse"}': 9,
    'mcp_http_requests_total{endpoint="health"}': 0,
    'mcp_http_errors_total{endpoint="messages"}': 2,
    'mcp_sessions_closed_total{reason="idle"}': 1
  })) t.same(samples.get(name), { value, type: /_total/.test(name) ? 'counter' : 'gauge' }, name)
  t.match(samples.get('mcp_uptime_seconds'), { value: Number, type: 'gauge' })
  for (const reason of closeReasons) t.ok(samples.has(`mcp_sessions_closed_total{reason="${reason}"}`), reason)
})

test('a counter that moves on is told as it is, not as what it was besides', async t => {
  const metrics = new Metrics()
  for (const count of [1, 5, 7]) {
    metrics.endpointCalls.sse = metrics.sessionsOpened = count
    const samples = parse(await metrics.registry.metrics())
    t.equal(samples.get('mcp_http_requests_total{endpoint="sse"}')?.value, count)
    t.equal(samples.get('mcp_sessions_opened_total')?.value, count)
  }
})

test('two endpoints in one application count for themselves', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const seen: Metrics[] = []
  for (const prefix of ['/one', '/two']) {
    await app.register(async scope => {
      await scope.register(metricsPlugin)
      seen.push(scope.metrics)
      scope.get('/', { config: { endpoint: 'sse' } }, async () => 'fine')
    }, { prefix })
  }
  await app.inject('/one')
  t.same(seen.map(({ endpointCalls }) => endpointCalls.sse), [1, 0])
})

test('two applications in one process do not collide', async t => {
  const [first, second] = [await build(t), await build(t)]
  await first.app.inject('/health')
  t.match([first.metrics(), second.metrics()], [{ endpoint_calls: { health: 1 } }, { endpoint_calls: { health: 0 } }])
  const texts = await Promise.all([first, second].map(async ({ app }) => parse(await app.mcp.metrics.registry.metrics())))
  t.same(texts.map(samples => samples.get('mcp_http_requests_total{endpoint="health"}')?.value), [1, 0])
})
