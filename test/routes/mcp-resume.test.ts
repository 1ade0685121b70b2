import http from 'node:http'
import { test } from 'tap'
import { build, textOf, until, type Answer } from '../helper.js'
import { gate, gaugeOf, opened, talkative, WireClient, type Exchange } from '../streamable-client.js'

const loggers = ({ messages }: Exchange) => messages.map(({ params, result }) => params?.['logger'] ?? (result !== undefined ? 'answer' : undefined))

test('Last-Event-ID replays what followed on that stream, and nothing of another', async t => {
  const [, client] = await opened(t, { createServer: () => talkative() })
  const calls = await Promise.all([client.call('say', { pieces: 5 }), client.call('say', { pieces: 5 })])
  await Promise.all(calls.map(({ ended }) => ended))
  await client.callForText('flood', { bytes: 1, pieces: 2 })
  for (const call of calls) {
    const ids = call.events.filter(({ data }) => data !== '').map(({ id }) => id)
    const again = await client.listen(ids[2])
    t.equal(again.status, 200)
    await again.ended
    t.same(loggers(again), ['4', '5', 'answer'])
    t.same(again.events.map(({ id }) => id), ids.slice(3), 'under the same ids')
    const whole = await client.listen(call.events[0]?.id)
    await whole.ended
    t.same(loggers(whole), ['1', '2', '3', '4', '5', 'answer'])
  }
})

test('a stream that is finished, with nothing after the event, is 204: its client need not come back', async t => {
  const [, client] = await opened(t, { createServer: () => talkative() })
  const call = await client.call('say', { pieces: 1 })
  await call.ended
  const again = await client.listen(call.lastEventId)
  await again.ended
  t.same([again.status, again.body], [204, ''])
})

test('ids that this session never sent are 400', async t => {
  const [, client] = await opened(t, { createServer: () => talkative() })
  await (await client.call('say', { pieces: 1 })).ended
  for (const id of ['nonsense', '-', '1', '1-', '-1', '1-1-1', '1-99', '99-1', '0-99', '1 -1', '1-1e0', '0x1-1', '-1-1', '9'.repeat(30), `${'9'.repeat(16)}-1`, 'x'.repeat(5_000)]) {
    const reply = await client.listen(id)
    t.equal(reply.status, 400, id.slice(0, 40))
    t.match(await reply.json(), { jsonrpc: '2.0', id: null, error: { code: -32600 } })
  }
})

test('a call whose socket is cut is finished, and its answer waits for the client', async t => {
  const { held, open } = gate()
  const [built, client] = await opened(t, { createServer: () => talkative({ hold: held }) })
  const call = await client.call('say', { pieces: 2, hold: true })
  await until(() => call.messages.length === 2)
  call.close()
  await until(() => built.metrics().active_connections === 0)
  open('after all')
  const back = await client.listen(call.lastEventId)
  t.match(await back.message(), { id: 1, result: { content: [{ text: 'after all' }] } })
  await back.ended
  t.equal(built.app.mcp.sessions.size, 1)
})

test('a client that comes back before the answer is there waits for it on the stream, which goes on', async t => {
  const { held, open } = gate()
  const [built, client] = await opened(t, { heartbeatSeconds: 0.05, createServer: () => talkative({ hold: held }) })
  const call = await client.call('say', { pieces: 2, hold: true })
  await until(() => call.messages.length === 2)
  const place = call.events.find(({ data }) => data !== '')?.id
  call.close()
  const back = await client.listen(place)
  t.match(await back.message(), { params: { logger: '2' } }, 'replayed')
  t.equal(await back.comment(), 'heartbeat')
  open('live')
  t.match(await back.message(), { id: 1, result: { content: [{ text: 'live' }] } })
  await back.ended
  await until(() => built.metrics().active_connections === 0)
})

test('the standing stream is resumed where it was', async t => {
  const [built, client] = await opened(t, { createServer: () => talkative() })
  const standing = await client.listen()
  await client.callForText('flood', { bytes: 1, pieces: 1 })
  await standing.message()
  standing.close()
  await until(() => built.metrics().active_connections === 0)
  await client.callForText('flood', { bytes: 2, pieces: 2 })
  const back = await client.listen(standing.lastEventId)
  t.match(await back.message(), { params: { data: 'xx' } })
  t.match(await back.message(), { params: { data: 'xx' } })
  await client.callForText('flood', { bytes: 3, pieces: 1 })
  t.match(await back.message(), { params: { data: 'xxx' } }, 'and goes on')
})

test('a tool ends its own stream, and the client comes back for the answer', async t => {
  const { held, open } = gate()
  const [, client] = await opened(t, { createServer: () => talkative({ hold: held }) })
  const call = await client.call('leave')
  t.equal(call.type, 'text/event-stream')
  await call.ended
  t.ok(Number(call.retry) > 0, 'told when')
  t.same(call.messages, [])
  const back = await client.listen(call.lastEventId)
  t.equal(back.status, 200)
  open('back again')
  t.match(await back.message(), { id: 1, result: { content: [{ text: 'back again' }] } })
  await back.ended
})

test('a client of an older revision is never sent away', async t => {
  const [, client] = await opened(t, { createServer: () => talkative() }, '2025-06-18')
  t.equal(await client.callForText('leave'), 'left')
})

test('the events of another session, and of another owner, are out of reach', async t => {
  const apiKeys = ['key of one', 'key of two']
  const built = await build(t, { apiKeys, createServer: () => talkative() })
  const clients = await Promise.all(apiKeys.map(key => new WireClient(`${built.url}/mcp`, undefined, { 'x-api-key': key }).open()))
  const [mine, theirs] = clients
  const call = await mine?.call('say', { pieces: 9, bytes: 7 })
  await call?.ended
  t.equal((await theirs?.listen(call?.lastEventId))?.status, 400, 'in a session of their own')
  const short = await theirs?.call('say', { pieces: 9, bytes: 3 })
  await short?.ended
  const again = await theirs?.listen(call?.events[0]?.id)
  await again?.ended
  t.ok(again?.messages.length, 'the same id means their own event')
  t.notOk(again?.messages.some(({ params }) => params?.['data'] === 'xxxxxxx'))
  t.equal((await theirs?.listen(call?.events[0]?.id, { 'mcp-session-id': String(mine?.sessionId) }))?.status, 404)
})

test('a log of more than a thousand events forgets the oldest, and counts what nobody got', async t => {
  const [built, client] = await opened(t, { createServer: () => talkative() })
  const call = await client.call('say', { pieces: 2 })
  await call.ended
  t.equal(await client.callForText('flood', { bytes: 1, pieces: 1_200 }), 'flooded')
  t.equal(await gaugeOf(built, 'mcp_messages_dropped_total'), 200)
  const standing = await client.listen()
  await until(() => standing.messages.length === 1_000)
  t.same(standing.messages.map(({ params }) => params?.['data']), Array.from({ length: 1_000 }, () => 'x'))
  const lost = await client.listen(call.events.find(({ data }) => data !== '')?.id)
  t.equal(lost.status, 400)
  t.match(await lost.json(), { error: { message: /no longer kept/ } })
})

test('a log holds no more bytes than a reader may have waiting', async t => {
  const streamBufferBytes = 100_000
  const [built, client] = await opened(t, { streamBufferBytes, createServer: () => talkative() })
  t.equal(await client.callForText('flood', { bytes: 10_000, pieces: 50 }), 'flooded')
  const kept = await gaugeOf(built, 'mcp_stream_kept_bytes')
  t.ok(kept > streamBufferBytes / 2 && kept <= streamBufferBytes, `${kept} bytes`)
  const dropped = await gaugeOf(built, 'mcp_messages_dropped_total')
  const standing = await client.listen()
  await until(() => standing.messages.length === 50 - dropped)
  t.equal(built.app.mcp.sessions.size, 1)
  await client.delete()
  t.equal(await gaugeOf(built, 'mcp_stream_kept_bytes'), 0)
})

test('a call whose client leaves before its stream began is lost, and counted, and the session goes on', async t => {
  const { held, open } = gate()
  const [built, client] = await opened(t, { createServer: () => talkative({ wait: held }) })
  const lost = http.request(client.url, { method: 'POST', agent: false, headers: { ...client.sessionHeaders, accept: 'application/json, text/event-stream', 'content-type': 'application/json' } })
  lost.on('error', () => {})
  lost.end('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait","arguments":{}}}')
  await until(() => built.metrics()['total_messages'] === 3)
  lost.destroy()
  const count = () => new Promise<number>(resolve => { built.app.server.getConnections((_error, open) => { resolve(open) }) })
  while (await count() > 0) await new Promise(resolve => setImmediate(resolve))
  open()
  const answer = await (await client.call('echo', { text: 'still here' })).answer()
  t.equal(textOf(answer as unknown as Answer), 'still here')
  t.equal(await gaugeOf(built, 'mcp_messages_dropped_total'), 1)
})
