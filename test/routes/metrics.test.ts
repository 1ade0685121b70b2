import { test } from 'tap'
import { build, RawClient, until } from '../helper.js'

test('answers in JSON, with the keys of the contract in their order', async t => {
  const { app } = await build(t, { sessionTimeoutSeconds: 120, cleanupIntervalSeconds: 90 })
  const response = await app.inject('/metrics')
  t.equal(response.statusCode, 200)
  t.match(response.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store', vary: /Accept/ })
  t.match(response.body, new RegExp('^{"metrics":{"uptime_seconds":[0-9.]+,"active_connections":0,"total_connections":0,"total_messages":0,"total_errors":0,' +
    '"endpoint_calls":{"health":0,"metrics":1,"sse":0,"messages":0,"mcp":0},"endpoint_errors":{"health":0,"metrics":0,"sse":0,"messages":0,"mcp":0},"active_sessions":0},' +
    '"config":{"session_timeout_seconds":120,"cleanup_interval_seconds":90}}$'))
})

test('every number is that of what happened', async t => {
  const { app, url } = await build(t)
  const ask = async () => (await app.inject('/metrics')).json<{ metrics: object }>().metrics
  const client = await RawClient.session(url)
  await client.initialize()
  await client.callTool(1, 'echo', { text: 'hi' })
  await client.post('{')
  t.match(await ask(), { active_connections: 1, total_connections: 1, active_sessions: 1, total_messages: 3, total_errors: 1, endpoint_calls: { sse: 1, messages: 4 }, endpoint_errors: { messages: 1 } })
  client.close()
  await until(() => app.mcp.metrics.snapshot().active_connections === 0)
  t.match(await ask(), { active_connections: 0, total_connections: 1, active_sessions: 0, total_messages: 3, total_errors: 1 })
})

/** What Prometheus 2 and 3 send. */
const prometheus2 = 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const prometheus3 = 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'

const asking: Record<string, [accept: string | undefined, format: 'json' | 'text']> = {
  'asks for nothing': [undefined, 'json'],
  'asks for nothing, in so many words': ['', 'json'],
  'takes anything': ['*/*', 'json'],
  'asks for JSON': ['application/json', 'json'],
  'asks for JSON of a charset': ['application/json; charset=utf-8', 'json'],
  'asks for any application type': ['application/*', 'json'],
  'is axios': ['application/json, text/plain, */*', 'json'],
  'is a browser': ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', 'json'],
  'wants HTML and nothing else': ['text/html', 'json'],
  'would rather have JSON': ['text/plain;q=0.5, application/json', 'json'],
  'refuses text': ['text/plain;q=0, */*', 'json'],
  'sends garbage': [';;q=,,/', 'json'],
  'sends more garbage': ['application', 'json'],
  'asks for text': ['text/plain', 'text'],
  'asks for text in capitals': ['TEXT/PLAIN', 'text'],
  'asks for any text': ['text/*', 'text'],
  'would rather have text': ['application/json;q=0.5, text/plain', 'text'],
  'asks for OpenMetrics': ['application/openmetrics-text', 'text'],
  'asks for text of a version': ['text/plain; version=0.0.4', 'text'],
  'asks for OpenMetrics of a version': ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'text'],
  'is Prometheus 2': [prometheus2, 'text'],
  'is Prometheus 3': [prometheus3, 'text']
}

for (const [who, [accept, format]] of Object.entries(asking)) {
  test(`a client that ${who} gets ${format === 'json' ? 'JSON' : 'Prometheus text'}`, async t => {
    const { app } = await build(t)
    const { statusCode, headers, body } = await app.inject({ url: '/metrics', headers: accept === undefined ? {} : { accept } })
    t.equal(statusCode, 200)
    t.match(headers['content-type'], format === 'json' ? /^application\/json/ : /^text\/plain; version=0\.0\.4/)
    t.match(headers.vary, /Accept/)
    t.match(body, format === 'json' ? /^\{"metrics":\{/ : /^# HELP mcp_/)
  })
}

test('Prometheus is told of sessions and streams as well', async t => {
  const { app, url } = await build(t)
  const client = await RawClient.session(url)
  const { body } = await app.inject({ url: '/metrics', headers: { accept: 'text/plain' } })
  for (const line of ['mcp_sessions_active 1', 'mcp_connections_active 1', 'mcp_sessions_ending 0', 'mcp_stream_buffered_bytes 0', 'mcp_http_requests_total{endpoint="sse"} 1']) {
    t.ok(body.split('\n').includes(line), line)
  }
  client.close()
})

test('HEAD says the same without a body, in either format', async t => {
  const { app } = await build(t)
  t.match(await app.inject({ method: 'HEAD', url: '/metrics' }), { statusCode: 200, body: '', headers: { 'content-type': /^application\/json/ } })
  t.match(await app.inject({ method: 'HEAD', url: '/metrics', headers: { accept: 'text/plain' } }), { statusCode: 200, body: '', headers: { 'content-type': /^text\/plain/ } })
})

test('another method is a 405 that says which to use', async t => {
  const { app, metrics } = await build(t, { apiKeys: ['a key'], metricsRequireKey: true })
  const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
  for (const method of methods) {
    const response = await app.inject({ method, url: '/metrics' })
    t.match(response, { statusCode: 405, headers: { allow: 'GET, HEAD' } }, method)
    t.match(response.json(), { error: 'Method not allowed', detail: 'Use GET or HEAD', requestId: String })
  }
  t.match(metrics(), { endpoint_calls: { metrics: methods.length }, endpoint_errors: { metrics: methods.length } })
})

test('asks for no key, unless it is told to', async t => {
  const { app } = await build(t, { apiKeys: ['a key'] })
  t.equal((await app.inject('/metrics')).statusCode, 200)
  t.equal((await app.inject({ url: '/metrics', headers: { 'x-api-key': 'wrong' } })).statusCode, 200)
})

for (const apiKeyRequired of [true, false]) {
  test(`with metricsRequireKey it asks for a key, also where apiKeyRequired is ${apiKeyRequired}`, async t => {
    const { app, metrics } = await build(t, { apiKeys: ['a key'], apiKeyRequired, metricsRequireKey: true })
    for (const headers of [{}, { 'x-api-key': 'wrong' }, { accept: 'text/plain' }] as Record<string, string>[]) {
      const response = await app.inject({ url: '/metrics', headers })
      t.match(response, { statusCode: 401, headers: { 'www-authenticate': /^Bearer/, 'content-type': /json/ } })
      t.notMatch(response.body, 'uptime')
    }
    t.match(metrics(), { total_errors: 3, endpoint_errors: { metrics: 3 } })
    t.equal((await app.inject({ url: '/metrics', headers: { 'x-api-key': 'a key' } })).statusCode, 200)
    t.equal((await app.inject({ url: '/metrics', headers: { authorization: 'Bearer a key', accept: 'text/plain' } })).statusCode, 200)
  })
}

test('is under the prefix', async t => {
  const { app } = await build(t, { prefix: '/ai' })
  t.equal((await app.inject('/ai/metrics')).statusCode, 200)
  t.equal((await app.inject('/metrics')).statusCode, 404)
})
