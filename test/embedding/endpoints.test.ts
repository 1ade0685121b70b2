// Two endpoints in one application share nothing.
import Fastify from 'fastify'
import { test } from 'tap'
import weir from '../../src/index.js'
import { build, fixtureServer, RawClient, until } from '../helper.js'
import { WireClient } from '../streamable-client.js'
import { echoes } from './sdk-clients.js'

const ofOne = { 'x-api-key': 'key of one' }
const ofTwo = { 'x-api-key': 'key of two' }

test('two endpoints have their own sessions, keys, limits, metrics and servers', async t => {
  const { app, url } = await build(t, {
    prefix: '/one',
    apiKeys: [ofOne['x-api-key']],
    host: async app => { await app.register(weir, { createServer: () => fixtureServer(), prefix: '/two', name: 'two', apiKeys: [ofTwo['x-api-key']], serverInfo: { name: 'second', version: '2' } }) }
  })
  const [one, two] = [app.mcpEndpoints.get('mcp'), app.mcpEndpoints.get('two')]
  t.equal(app.mcp, one, 'the one without a name')
  t.equal(app.mcpEndpoints.size, 2)
  await echoes(t, `${url}/one`, ofOne)
  await echoes(t, `${url}/two`, ofTwo)
  await until(() => one?.sessions.size === 0 && two?.sessions.size === 0)
  t.match(await (await fetch(`${url}/two/health`)).json(), { service: 'second', version: '2' })

  const first = await new WireClient(`${url}/one/mcp`, undefined, ofOne).open()
  const sse = await RawClient.session(url, ofOne, '/one/sse')
  t.match([one?.sessions.size, two?.sessions.size], [2, 0])
  t.equal((await new WireClient(`${url}/two/mcp`, undefined, ofOne).initialize()).status, 401)
  const elsewhere = new WireClient(`${url}/two/mcp`, undefined, ofTwo)
  elsewhere.sessionId = first.sessionId
  t.equal((await elsewhere.call('echo', { text: 'x' })).status, 404, 'a session is not to be had from the other')
  t.equal((await sse.post('{"jsonrpc":"2.0","id":1,"method":"ping"}', ofTwo, sse.endpoint.replace('/one/', '/two/'))).status, 404)

  const calls = (endpoint: typeof one) => endpoint?.metrics.snapshot().endpoint_calls.mcp ?? 0
  const [before, untouched] = [calls(one), calls(two)]
  t.equal(await first.callForText('echo', { text: 'x' }), 'x')
  t.same([calls(one), calls(two)], [before + 1, untouched])
  t.not(one?.metrics.registry, two?.metrics.registry)
  t.match(await one?.metrics.registry.metrics(), /^mcp_sessions_active 2$/m)
  t.match(await two?.metrics.registry.metrics(), /^mcp_sessions_active 0$/m)

  t.equal(two?.broadcast({ method: 'notifications/x' }), 0)
  t.equal(await two?.sessions.closeByOwner(one?.sessions.list()[0]?.owner ?? ''), 0)
  await two?.drain()
  t.equal((await fetch(`${url}/two/health/ready`)).status, 503)
  t.equal((await fetch(`${url}/one/health/ready`)).status, 200)
  t.equal(await first.callForText('echo', { text: 'still' }), 'still')
  sse.close()
})

test('app.mcp is the unnamed one, or else the first; a name that is taken is refused', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const createServer = () => fixtureServer()
  await app.register(weir, { createServer, prefix: '/a', name: 'a' })
  await app.register(weir, { createServer, prefix: '/b', name: 'b' })
  t.equal(app.mcp, app.mcpEndpoints.get('a'))
  await t.rejects(async () => { await app.register(weir, { createServer, prefix: '/c', name: 'b' }) }, { code: 'WEIR_ERR_INVALID_OPTION', detail: /^name: 'b' is taken/ })
})

test('an endpoint inside a scope of the host\'s is there for that scope, and another one outside', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async scope => {
    await scope.register(weir, { createServer: () => fixtureServer() })
    scope.get('/count', async () => ({ sessions: scope.mcp.sessions.size }))
  }, { prefix: '/inner' })
  t.equal(app.hasDecorator('mcp'), false)
  t.same((await app.inject('/inner/count')).json(), { sessions: 0 })
})
