import Fastify from 'fastify'
import { test } from 'tap'
import weir from '../src/index.js'
import { build, capturedLog, fixtureServer, RawClient, until } from './helper.js'

test('without a server of one\'s own it serves aareguru-mcp', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(weir)
  t.match((await app.inject('/health')).json(), { service: 'aareguru-mcp' })
})

test('/health names serverInfo, or else the package', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(weir, { createServer: () => fixtureServer(), prefix: '/one', name: 'one' })
  await app.register(weir, { createServer: () => fixtureServer(), prefix: '/two', name: 'two', serverInfo: { name: 'mine', version: '9' } })
  t.equal(app.mcp, app.mcpEndpoints.get('one'), 'the first, where all have names')
  t.match((await app.inject('/one/health')).json(), { service: 'mcp-weir' })
  t.same((await app.inject('/two/health')).json(), { status: 'healthy', service: 'mine', version: '9' })
})

test('two endpoints of one application share nothing', async t => {
  const built = await build(t, {
    prefix: '/one',
    apiKeys: ['key of one'],
    host: async app => { await app.register(weir, { createServer: () => fixtureServer(), prefix: '/two', name: 'two', apiKeys: ['key of two'] }) }
  })
  const { app, url } = built
  const client = await RawClient.session(url, { 'x-api-key': 'key of one' }, '/one/sse')
  t.same([...app.mcpEndpoints.keys()], ['two', 'mcp'])
  t.equal(app.mcpEndpoints.get('mcp')?.sessions.size, 1)
  t.equal(app.mcpEndpoints.get('two')?.sessions.size, 0)
  t.equal(app.mcp, app.mcpEndpoints.get('mcp'), 'the unnamed one')
  t.equal((await client.post('{"jsonrpc":"2.0","id":1,"method":"ping"}', { 'x-api-key': 'key of two' }, client.endpoint.replace('/one/', '/two/'))).status, 404)
  t.equal((await fetch(`${url}/two/sse`, { headers: { 'x-api-key': 'key of one' } })).status, 401)
  client.close()
})

test('two endpoints of one name are refused', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(weir, { createServer: () => fixtureServer() })
  await t.rejects(async () => { await app.register(weir, { createServer: () => fixtureServer(), prefix: '/two' }) }, { code: 'WEIR_ERR_INVALID_OPTION', detail: /name: 'mcp' is taken/ })
})

test('nothing of it reaches the host\'s own routes', async t => {
  const { url } = await build(t, {
    apiKeys: ['key'],
    rateLimitPerMinute: 1,
    allowedHosts: ['nowhere.example'],
    corsOrigins: ['https://app.example.com'],
    host: app => {
      app.get('/own', async () => ({ own: true }))
      app.post('/own', async request => ({ got: request.body }))
      app.setErrorHandler(async () => ({ handled: 'by the host' }))
      app.get('/fails', async () => { throw new Error('own') })
    }
  })
  for (let index = 0; index < 3; index++) {
    const response = await fetch(`${url}/own`, { headers: { origin: 'https://evil.example' } })
    t.equal(response.status, 200)
    t.equal(response.headers.get('access-control-allow-origin'), null)
    t.same(await response.json(), { own: true })
  }
  t.same(await (await fetch(`${url}/own`, { method: 'POST', body: 'text', headers: { 'content-type': 'text/plain' } })).json(), { got: 'text' })
  t.same(await (await fetch(`${url}/fails`)).json(), { handled: 'by the host' })
  t.match(await (await fetch(`${url}/nope`)).json(), { message: /Route GET:\/nope not found/ })
})

test('app.close ends its streams, by itself', async t => {
  const built = await build(t)
  const client = await RawClient.session(built.url)
  await built.app.close()
  await client.ended
  t.equal(client.retry, '1000')
  t.match(built.lines.find(({ msg }) => msg === 'session closed'), { reason: 'shutdown' })
})

test('drain ends its sessions and lets nobody in, and the host goes on', async t => {
  const built = await build(t, { host: app => { app.get('/own', async () => 'own') } })
  const client = await RawClient.session(built.url)
  await built.app.mcp.drain()
  await client.ended
  t.equal((await fetch(`${built.url}/sse`)).status, 503)
  t.equal((await fetch(`${built.url}/own`)).status, 200)
})

test('of several endpoints each log line says whose it is', async t => {
  const { app, url, lines } = await build(t, { name: 'staff', sessionTimeoutSeconds: 30 })
  const client = await RawClient.session(url)
  client.close()
  await until(() => lines.some(({ msg }) => msg === 'session closed') && app.mcp.sessions.size === 0)
  for (const msg of ['session opened', 'session closed']) t.match(lines.find(line => line.msg === msg), { endpoint: 'staff' })
})

test('a server can log under its session\'s hash, through the host\'s own logger factory', async t => {
  const { log, lines } = capturedLog()
  const built = await build(t, {
    fastify: { loggerInstance: log, childLoggerFactory: (logger, bindings, options) => logger.child({ ...bindings, host: 'ours' }, options) },
    createServer: ({ log, principal }) => { log.info({ principal: principal.id }, 'a server speaks'); return fixtureServer() }
  })
  const client = await RawClient.session(built.url)
  await until(() => lines.some(({ msg }) => msg === 'session opened'))
  const session = lines.find(({ msg }) => msg === 'session opened')?.['session']
  t.match(lines.find(({ msg }) => msg === 'a server speaks'), { session, principal: 'anonymous', host: 'ours' })
  client.close()
})
