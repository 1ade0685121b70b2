// A host's `handlerTimeout` is for its own routes: event streams are meant to stay open.
import { test } from 'tap'
import { build, fixtureServer, RawClient, until } from '../helper.js'
import { gate, WireClient } from '../streamable-client.js'

const TIMEOUT_MS = 100

test('a host\'s handlerTimeout cuts no stream and no call of Weir\'s, and the host\'s routes as before', async t => {
  const { held, open } = gate()
  const built = await build(t, {
    fastify: { handlerTimeout: TIMEOUT_MS },
    createServer: () => fixtureServer({ wait: held }),
    heartbeatSeconds: 0.05,
    host: app => { app.get('/slow', async () => await new Promise(() => {})) }
  })
  const sse = await RawClient.session(built.url)
  await sse.initialize()
  const client = await new WireClient(`${built.url}/mcp`).open()
  const standing = await client.listen()
  const call = client.call('wait')
  await until(() => built.app.mcp.sessions.list().some(({ requestsInFlight }) => requestsInFlight === 1))

  for (let round = 0; round < 3; round++) t.equal((await fetch(`${built.url}/slow`)).status, 503)
  t.match(await sse.callTool(1, 'echo', { text: 'on' }), { result: { content: [{ text: 'on' }] } })
  await standing.comment()
  t.equal(standing.isOver, false)
  open('at last')
  t.match(await (await call).answer(), { result: { content: [{ text: 'at last' }] } })
  sse.close()
})

test('without one nothing is set', async t => {
  const limits: unknown[] = []
  await build(t, { host: app => { app.addHook('onRoute', ({ handlerTimeout }) => { limits.push(handlerTimeout) }) } })
  t.ok(limits.length > 0)
  t.ok(limits.every(limit => limit === undefined))
})
