import { test } from 'tap'
import { fixtureServer, nothingLeft, until } from '../helper.js'
import { gate, opened, talkative, WireClient, type Exchange } from '../streamable-client.js'

const createServer = () => talkative()

for (const [tool, what] of [['say', 'a log line'], ['progress', 'progress']] as const) {
  test(`${what} that comes before the answer makes it a stream`, async t => {
    const [built, client] = await opened(t, { createServer })
    const reply = await client.call(tool, { pieces: 1 }, { progressToken: 'p' })
    t.equal(reply.status, 200)
    t.equal(reply.type, 'text/event-stream')
    t.match(reply.headers, { 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    await reply.ended
    t.match(reply.messages, [{ method: tool === 'say' ? 'notifications/message' : 'notifications/progress' }, { id: 1, result: {} }])
    t.equal(reply.messages.length, 2)
    t.equal(reply.retry, undefined, 'a stream that said everything asks nobody to come back')
    await until(() => built.metrics().active_connections === 0)
  })
}

test('what a tool asks its client comes on the call\'s own stream, and so does the answer', async t => {
  const [, client] = await opened(t, { createServer })
  const standing = await client.listen()
  for (const [tool, method, result, text] of [
    ['sample', 'sampling/createMessage', { model: 'm', role: 'assistant', content: { type: 'text', text: 'The Aare' } }, /The Aare/],
    ['elicit', 'elicitation/create', { action: 'decline' }, /decline/]
  ] as const) {
    const reply = await client.call(tool)
    t.equal(reply.type, 'text/event-stream')
    const asked = await reply.message()
    t.equal(asked.method, method)
    t.equal((await client.respond(asked.id, result)).status, 202)
    t.match(await reply.message(), { result: { content: [{ text }] } })
    await reply.ended
  }
  t.same(standing.messages, [])
})

test('without a word for about a second a call turns into a stream that begins with an event without data, and beats', async t => {
  const { held, open } = gate()
  const [, client] = await opened(t, { heartbeatSeconds: 0.05, createServer: () => fixtureServer({ wait: held }) })
  const started = performance.now()
  const reply = await client.call('wait')
  const waited = performance.now() - started
  t.ok(waited > 700 && waited < 20_000, `${waited} ms`)
  t.equal(reply.type, 'text/event-stream')
  const first = await reply.event()
  t.equal(first.data, '')
  t.match(first.id, /^\d+-\d+$/)
  t.equal(await reply.comment(), 'heartbeat')
  open('late')
  t.match(await reply.message(), { id: 1, result: { content: [{ text: 'late' }] } })
  await reply.ended
})

test('a client of an older revision gets no event without data', async t => {
  for (const version of ['2025-03-26', '2025-06-18']) {
    const { held, open } = gate()
    const [, client] = await opened(t, { heartbeatSeconds: 0.05, createServer: () => talkative({ wait: held }) }, version)
    const [quiet, said, standing] = await Promise.all([client.call('wait'), client.call('say', { pieces: 1 }), client.listen()])
    t.equal(await quiet.comment(), 'heartbeat')
    open()
    await Promise.all([quiet.ended, said.ended])
    t.notOk([...quiet.events, ...said.events, ...standing.events].some(({ data }) => data === ''))
    t.ok(said.events.every(({ id }) => id !== undefined), 'ids all the same')
  }
})

test('what relates to no request goes to the standing stream', async t => {
  const [, client] = await opened(t, { createServer })
  const standing = await client.listen()
  t.equal((await standing.event()).data, '', 'primed')
  const reply = await client.call('flood', { bytes: 3, pieces: 2 })
  t.match(reply.type, /^application\/json/)
  t.match(await standing.message(), { method: 'notifications/message', params: { data: 'xxx' } })
  t.match(await standing.message(), { method: 'notifications/message' })

  const asking = client.call('ask')
  const { id, method } = await standing.message()
  t.equal(method, 'sampling/createMessage')
  await client.respond(id, { model: 'm', role: 'assistant', content: { type: 'text', text: 'The Aare' } })
  t.match((await (await asking).answer()).result, { content: [{ text: /The Aare/ }] })
  t.notOk(standing.messages.some(message => 'result' in message), 'no answer goes there')
})

test('what was said before the standing stream opened is delivered on it, once', async t => {
  const [, client] = await opened(t, { createServer })
  await client.callForText('flood', { bytes: 3, pieces: 2 })
  const standing = await client.listen()
  await standing.message()
  await standing.message()
  const again = await client.listen()
  await standing.ended
  await client.callForText('flood', { bytes: 5, pieces: 1 })
  t.match(await again.message(), { params: { data: 'xxxxx' } }, 'not the first two again')
})

test('a second standing stream takes over', async t => {
  const [built, client] = await opened(t, { createServer })
  const first = await client.listen()
  const second = await client.listen()
  await first.ended
  t.equal(second.status, 200)
  await client.callForText('flood', { bytes: 1, pieces: 1 })
  t.match(await second.message(), { method: 'notifications/message' })
  t.same(first.messages, [])
  await until(() => built.metrics().active_connections === 1)
  await client.delete()
  await second.ended
  await until(() => built.metrics().active_connections === 0)
  nothingLeft(t, built)
})

test('event ids are unique in the session, and name their stream', async t => {
  const [, client] = await opened(t, { createServer })
  const standing = await client.listen()
  const calls = await Promise.all(Array.from({ length: 5 }, () => client.call('say', { pieces: 3 })))
  await client.callForText('flood', { bytes: 1, pieces: 3 })
  for (let piece = 0; piece < 3; piece++) await standing.message()
  await Promise.all(calls.map(({ ended }) => ended))
  const streams = [standing, ...calls].map(({ events }) => events.map(({ id }) => String(id)))
  const ids = streams.flat()
  t.equal(new Set(ids).size, ids.length)
  t.ok(ids.length >= 5 * 4 + 3)
  const names = streams.map(list => new Set(list.map(id => id.split('-')[0])))
  t.ok(names.every(({ size }) => size === 1))
  t.equal(new Set(names.flatMap(list => [...list])).size, 6)
})

test('a request to a client that listens nowhere fails in the server within seconds', async t => {
  const [built, client] = await opened(t, { createServer })
  const started = performance.now()
  const reply = await client.call('ask')
  t.match(await reply.answer(), { result: { isError: true, content: [{ text: /cannot be reached/ }] } })
  t.ok(performance.now() - started < 30_000)
  const standing = await client.listen()
  await client.callForText('flood', { bytes: 1, pieces: 1 })
  t.match(await standing.message(), { method: 'notifications/message' }, 'it is not asked any more')
  t.ok(built.app.mcp.sessions.size === 1)
})

test('a request to a client that goes away while it is asked fails in the server within seconds', async t => {
  const [built, client] = await opened(t, { createServer })
  const reply = await client.call('sample')
  await reply.message()
  const started = performance.now()
  const place = reply.lastEventId
  reply.close()
  await until(() => built.lines.some(({ msg, why }) => msg === 'message dropped' && why === 'its client went away'))
  const back = await client.listen(place)
  t.match(await back.answer(), { result: { isError: true, content: [{ text: /cannot be reached/ }] } })
  t.ok(performance.now() - started < 30_000)
})

test('a session that ends answers the calls in flight with an error, JSON or stream', async t => {
  for (const streamed of [false, true]) {
    const { held } = gate()
    const [built, client] = await opened(t, { createServer: () => talkative({ wait: held, hold: held }) })
    const call = client.call(streamed ? 'say' : 'wait', { pieces: 1, hold: true })
    if (streamed) await (await call).message()
    await until(() => built.metrics()['total_messages'] === 3)
    await client.delete()
    const reply = await call
    t.match(reply.type, streamed ? /event-stream/ : /json/)
    t.match(await reply.answer(), { id: 1, error: { code: -32603, message: /session ended/ } })
    await reply.ended
    await until(() => built.metrics().active_connections === 0)
    nothingLeft(t, built)
  }
})

test('a HEAD or a refused GET takes nothing over', async t => {
  const [, client] = await opened(t, { createServer })
  const standing = await client.listen()
  await client.listen(undefined, { accept: 'application/json' })
  await client.listen('nonsense')
  await new WireClient(client.url, undefined, { 'mcp-session-id': client.sessionId, 'mcp-protocol-version': '1999' }).listen()
  await client.callForText('flood', { bytes: 1, pieces: 1 })
  t.match(await standing.message(), { method: 'notifications/message' })
})

test('a stream begins at once, also where there is nothing to say yet', async t => {
  const calls = gate()
  const begins = async (what: string, opening: Promise<Exchange>) => {
    const started = performance.now()
    const stream = await opening
    t.equal(stream.type, 'text/event-stream', what)
    t.ok(performance.now() - started < 8_000, `${what}, not with the first heartbeat`)
    return stream
  }
  const [, older] = await opened(t, { createServer: () => talkative({ wait: calls.held }) }, '2025-06-18')
  const [, client] = await opened(t, { createServer: () => talkative({ hold: calls.held }) })
  const said = await client.call('say', { pieces: 1, hold: true })
  await said.message()
  await Promise.all([
    begins('the standing stream of an older revision', older.listen()),
    begins('a quiet call of an older revision', older.call('wait')),
    begins('a stream that is resumed where nothing was missed', client.listen(said.lastEventId))
  ])
  calls.open()
})
