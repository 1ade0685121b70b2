import { test } from 'tap'
import { version } from '../../src/version.js'
import { build, fixtureServer, RawClient, until } from '../helper.js'

test('says that the service is healthy, and names the server and its version', async t => {
  const named = await build(t, { serverInfo: { name: 'my-server', version: '9.8.7' } })
  const response = await named.app.inject('/health')
  t.equal(response.statusCode, 200)
  t.equal(response.body, '{"status":"healthy","service":"my-server","version":"9.8.7"}')
  t.match(response.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })

  const { app } = await build(t)
  t.equal((await app.inject('/health')).body, `{"status":"healthy","service":"mcp-weir","version":"${version}"}`)
})

test('says that the process lives', async t => {
  const { app } = await build(t)
  const response = await app.inject('/health/live')
  t.match(response, { statusCode: 200, body: '{"status":"alive"}', headers: { 'cache-control': 'no-store' } })
})

test('is ready before any client has come', async t => {
  const { app } = await build(t)
  const response = await app.inject('/health/ready')
  t.match(response, { statusCode: 200, body: '{"status":"ready","checks":{"accepting":"ok","capacity":"ok"}}', headers: { 'cache-control': 'no-store' } })
  t.equal(response.headers['retry-after'], undefined)
})

test('HEAD says the same without a body', async t => {
  const { app } = await build(t)
  for (const url of ['/health', '/health/live', '/health/ready']) {
    const response = await app.inject({ method: 'HEAD', url })
    t.match(response, { statusCode: 200, body: '', headers: { 'content-type': /^application\/json/ } }, url)
  }
})

test('another method is a 405 that says which to use, whatever its body', async t => {
  const { app } = await build(t)
  for (const url of ['/health', '/health/live', '/health/ready']) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      const response = await app.inject({ method, url, ...(method !== 'OPTIONS' && { headers: { 'content-type': 'text/html' }, payload: '{' }) })
      t.match(response, { statusCode: 405, headers: { allow: 'GET, HEAD' } }, `${method} ${url}`)
      t.match(response.json(), { error: 'Method not allowed', detail: 'Use GET or HEAD', requestId: String })
    }
  }
})

test('a path beneath is not there', async t => {
  const { app } = await build(t, { prefix: '/ai' })
  t.match(await app.inject('/ai/health/other'), { statusCode: 404, headers: { 'content-type': /json/ } })
  t.equal((await app.inject('/ai/health')).statusCode, 200)
  t.equal((await app.inject('/health')).statusCode, 404)
})

test('asks for no key, no origin and no host', async t => {
  const { app } = await build(t, { apiKeys: ['a key'], metricsRequireKey: true, allowedHosts: ['weir.example'] })
  for (const url of ['/health', '/health/live', '/health/ready']) {
    t.equal((await app.inject({ url, headers: { host: '10.0.0.7', origin: 'https://evil.example', 'x-api-key': 'wrong' } })).statusCode, 200, url)
  }
})

test('is unavailable while a new session would find no room, and ready again when it would', async t => {
  const { app, url } = await build(t, { maxSessions: 1 })
  const client = await RawClient.session(url)
  const full = await app.inject('/health/ready')
  t.equal(full.statusCode, 503)
  t.equal(full.body, '{"status":"unavailable","checks":{"accepting":"ok","capacity":"full"}}')
  t.ok(Number(full.headers['retry-after']) > 0)
  t.equal((await app.inject('/health')).statusCode, 200)
  t.equal((await app.inject('/health/live')).statusCode, 200)
  client.close()
  await until(() => app.mcp.sessions.size === 0)
  t.equal((await app.inject('/health/ready')).statusCode, 200)
})

test('is draining from the moment that a shutdown begins, with the port still open, and stays so', async t => {
  let finish: ((answer: string) => void) | undefined
  const { app, url } = await build(t, {
    drainTimeoutSeconds: 60,
    createServer: () => fixtureServer({ wait: () => new Promise(resolve => { finish = resolve }) })
  })
  const client = await RawClient.session(url)
  await client.initialize()
  const answer = client.callTool(1, 'wait')
  await until(() => finish !== undefined)
  const drained = app.mcp.drain()
  const draining = await fetch(`${url}/health/ready`)
  t.equal(draining.status, 503)
  t.equal(await draining.text(), '{"status":"draining","checks":{"accepting":"draining","capacity":"ok"}}')
  t.ok(Number(draining.headers.get('retry-after')) > 0)
  t.equal((await fetch(`${url}/health/live`)).status, 200)
  finish?.('done')
  t.match(await answer, { result: { content: [{ text: 'done' }] } })
  await drained
  t.match(await (await fetch(`${url}/health/ready`)).json(), { status: 'draining' })
})

test('every question is counted, and a readiness that says no as an error', async t => {
  const { app, url, metrics } = await build(t, { maxSessions: 1 })
  for (const path of ['/health', '/health/live', '/health/ready']) await app.inject(path)
  const client = await RawClient.session(url)
  await app.inject('/health/ready')
  client.close()
  t.match(metrics(), { endpoint_calls: { health: 4 }, endpoint_errors: { health: 1 } })
})
