// `app.mcp.broadcast`: one notification for every session that has begun.
import { test } from 'tap'
import type { WeirNotification } from '../../src/index.js'
import { build, RawClient, until } from '../helper.js'
import { gaugeOf, opened, reasonsOf, WireClient } from '../streamable-client.js'

const listChanged = { method: 'notifications/tools/list_changed' }

test('a broadcast reaches every session that has begun, over each transport, and says how many those are', async t => {
  const built = await build(t)
  const { mcp } = built.app
  t.equal(mcp.broadcast(listChanged), 0, 'nobody is there')
  const begun = await RawClient.session(built.url)
  await begun.initialize()
  const silent = await RawClient.session(built.url)
  const listening = await new WireClient(`${built.url}/mcp`).open()
  const stream = await listening.listen()
  const away = await new WireClient(`${built.url}/mcp`).open()

  t.equal(mcp.broadcast({ ...listChanged, params: { _meta: { why: 'deploy' } } }), 3)
  const wanted = { jsonrpc: '2.0', ...listChanged, params: { _meta: { why: 'deploy' } } }
  t.same(JSON.parse((await begun.next()).data), wanted)
  t.same(await stream.message(), wanted)
  t.same(await (await away.listen()).message(), wanted, 'kept for who was not there')

  t.match(await silent.request(1, 'initialize', { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'late', version: '1' } }), { id: 1, result: {} })
  t.same(silent.events.filter(({ event }) => event === 'message'), [], 'before it begins a client is told nothing')
  t.equal(mcp.broadcast({ method: 'notifications/resources/updated', params: { uri: 'test://aare' } }), 4)
  t.match(JSON.parse((await silent.next()).data), { method: 'notifications/resources/updated', params: { uri: 'test://aare' } })
  for (const client of [begun, silent]) client.close()
})

test('what is no notification is refused before anybody is told', async t => {
  const [{ app }, client] = await opened(t)
  const stream = await client.listen()
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const wrong = [
    {}, { method: 7 }, { method: 'notifications/x', params: [1] }, { method: 'notifications/x', params: 'text' }, { method: 'notifications/x', params: { _meta: 7 } },
    { method: 'notifications/x', params: circular }, { method: 'notifications/x', params: { big: 1n } }
  ] as WeirNotification[]
  for (const notification of wrong) t.throws(() => app.mcp.broadcast(notification), TypeError)
  t.throws(() => app.mcp.broadcast({ method: 'notifications/x', params: 'text' } as never), /^broadcast: params: /, 'and says what is wrong with it')
  t.equal(app.mcp.broadcast({ ...listChanged, jsonrpc: 'x', id: 7 } as WeirNotification), 1)
  t.same(await stream.message(), { jsonrpc: '2.0', ...listChanged }, 'nothing but method and params goes out, and none of the others did')
})

test('a session that nobody listens to still goes idle, whatever is broadcast', async t => {
  const built = await build(t, { sessionTimeoutSeconds: 0.3, cleanupIntervalSeconds: 0.05 })
  await new WireClient(`${built.url}/mcp`).open()
  const told = setInterval(() => { built.app.mcp.broadcast(listChanged) }, 10)
  await until(() => built.app.mcp.sessions.size === 0).finally(() => { clearInterval(told) })
  t.same(reasonsOf(built), ['idle'])
})

test('what is kept for who does not come is bounded', async t => {
  const [built] = await opened(t, { streamBufferBytes: 5_000 })
  for (let index = 0; index < 100; index++) t.equal(built.app.mcp.broadcast({ ...listChanged, params: { filler: 'x'.repeat(200) } }), 1)
  const kept = await gaugeOf(built, 'mcp_stream_kept_bytes')
  t.ok(kept > 0 && kept <= 5_000, `${kept}`)
})

test('a broadcast does not wake a session that sleeps, and waits for its client', async t => {
  const [{ app }, client] = await opened(t, { sessionHibernateSeconds: 0.05 })
  await until(() => app.mcp.sessions.list()[0]?.hibernated === true)
  t.equal(app.mcp.broadcast(listChanged), 1)
  t.equal(app.mcp.sessions.list()[0]?.hibernated, true)
  t.match(await (await client.listen()).message(), listChanged)
})
