import { test } from 'tap'
import { build, fixtureServer, nothingLeft, RawClient, until } from '../helper.js'
import { gate, initializeRequest, opened, reasonsOf, talkative, WireClient } from '../streamable-client.js'

const waiting = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', arguments: {} } }

test('at the cap the session that was used longest ago gives way', async t => {
  const [built, first] = await opened(t, { maxSessions: 3 })
  const second = await new WireClient(first.url).open()
  const third = await new WireClient(first.url).open()
  await first.callForText('echo', { text: 'used again' })
  await new WireClient(first.url).open()
  t.same(reasonsOf(built), ['evicted'])
  t.equal((await second.request('ping')).status, 404, 'the one that was idle longest')
  t.equal((await first.request('ping')).status, 200)
  t.equal((await third.request('ping')).status, 200)
  t.equal(built.app.mcp.sessions.size, 3)
})

test('a session with an open stream, or at work, never gives way: 503 once nothing else is there', async t => {
  const { held, open } = gate()
  const [built, reader] = await opened(t, { maxSessions: 3, createServer: () => fixtureServer({ wait: held }) })
  const stream = await reader.listen()
  const worker = await new WireClient(reader.url).open()
  const call = worker.post(waiting)
  const sse = await RawClient.session(built.url)
  t.equal((await fetch(`${built.url}/health/ready`)).status, 503)
  for (const reply of [await new WireClient(reader.url).initialize(), await new WireClient(reader.url).post('not even JSON')]) {
    t.equal(reply.status, 503, 'before the body is read')
    t.ok(Number(reply.headers['retry-after']) > 0)
    t.match(await reply.json(), { jsonrpc: '2.0', error: { code: -32603, message: /Too many sessions/ } })
  }
  t.same(reasonsOf(built), [])

  open()
  t.match(await (await call).answer(), { result: {} })
  t.equal((await new WireClient(reader.url).initialize()).status, 200, 'the worker has nothing to do any more')
  t.equal((await worker.request('ping')).status, 404)
  t.equal((await reader.request('ping')).status, 200)
  stream.close()
  sse.close()
})

test('a session whose server waits for its client does not give way', async t => {
  const [built, asked] = await opened(t, { maxSessions: 1, createServer: () => talkative() })
  const sample = await asked.call('sample')
  const { id } = await sample.message()
  t.equal((await new WireClient(asked.url).initialize()).status, 503)
  await asked.respond(id, { model: 'm', role: 'assistant', content: { type: 'text', text: 'The Aare' } })
  t.match(await sample.answer(), { result: {} })
  t.same(reasonsOf(built), [])
})

test('a stream that was closed makes its session give way again', async t => {
  const [built, reader] = await opened(t, { maxSessions: 1 })
  const stream = await reader.listen()
  t.equal((await new WireClient(reader.url).initialize()).status, 503)
  stream.close()
  await until(() => built.metrics().active_connections === 0)
  t.equal((await new WireClient(reader.url).initialize()).status, 200)
  t.same(reasonsOf(built), ['evicted'])
})

test('at its own cap a client\'s own session gives way, never another\'s', async t => {
  const built = await build(t, { maxSessionsPerClient: 2, apiKeys: ['key of one', 'key of two'] })
  const url = `${built.url}/mcp`
  const one = { 'x-api-key': 'key of one' }
  const other = await new WireClient(url, undefined, { 'x-api-key': 'key of two' }).open()
  const sessions = [await new WireClient(url, undefined, one).open(), await new WireClient(url, undefined, one).open()]
  await sessions[0]?.request('ping')
  const third = await new WireClient(url, undefined, one).open()
  t.same(reasonsOf(built), ['evicted'])
  t.equal((await sessions[1]?.request('ping'))?.status, 404)
  t.equal((await sessions[0]?.request('ping'))?.status, 200)
  t.equal((await other.request('ping')).status, 200, 'though it was idle for longer')

  const streams = [await third.listen(), await sessions[0]?.listen()]
  const refused = await new WireClient(url, undefined, one).initialize()
  t.equal(refused.status, 503)
  t.match(await refused.json(), { error: { message: /MAX_SESSIONS_PER_CLIENT/ } })
  t.equal((await new WireClient(url, undefined, { 'x-api-key': 'key of two' }).initialize()).status, 200)
  for (const stream of streams) stream?.close()
})

test('100 clients at once over a cap of 10: all are served one after the other, and ten are left', async t => {
  const built = await build(t, { maxSessions: 10 })
  const replies = await Promise.all(Array.from({ length: 100 }, () => new WireClient(`${built.url}/mcp`).initialize()))
  t.ok(replies.every(({ status }) => status === 200 || status === 503))
  t.ok(built.app.mcp.sessions.size <= 10)
  await until(() => reasonsOf(built).length === replies.filter(({ status }) => status === 200).length - 10)
  t.same([...new Set(reasonsOf(built))], ['evicted'])
})

test('an initialize that is refused evicts nobody', async t => {
  const [built, first] = await opened(t, { maxSessions: 1 })
  t.equal((await new WireClient(first.url).request('ping')).status, 400)
  t.equal((await new WireClient(first.url).post('{"jsonrpc":')).status, 400)
  t.equal((await new WireClient(first.url).post([initializeRequest()])).status, 400)
  t.equal((await first.request('ping')).status, 200)
  t.same(reasonsOf(built), [])
})

test('a drain refuses new sessions and new requests with 503, lets those in flight finish, and ends the rest', async t => {
  const { held, open } = gate()
  const [built, worker] = await opened(t, { drainTimeoutSeconds: 30, createServer: () => fixtureServer({ wait: held }) })
  const idle = await new WireClient(worker.url).open()
  const stream = await idle.listen()
  const call = worker.post(waiting)
  await until(() => built.metrics()['total_messages'] === 5)
  const drained = built.app.mcp.drain()
  await stream.ended
  t.ok(stream.retry, 'its client is told when to come back')
  for (const reply of [await new WireClient(worker.url).initialize(), await worker.request('ping', undefined, 2), await worker.listen()]) {
    t.equal(reply.status, 503)
    t.ok(Number(reply.headers['retry-after']) > 0)
    t.match(await reply.json(), { jsonrpc: '2.0', error: { code: -32603, message: /Shutting down/ } })
  }
  t.equal((await worker.notify('notifications/roots/list_changed')).status, 202)
  open('done in time')
  t.match(await (await call).answer(), { id: 1, result: { content: [{ text: 'done in time' }] } })
  await drained
  t.same(reasonsOf(built), ['shutdown', 'shutdown'])
  await until(() => built.metrics().active_connections === 0)
  nothingLeft(t, built)
})

test('a request that outlasts the drain is answered with an error', async t => {
  let aborted = false
  const [built, worker] = await opened(t, {
    drainTimeoutSeconds: 0.1,
    createServer: () => fixtureServer({ wait: signal => new Promise(() => { signal.onabort = () => { aborted = true } }) })
  })
  const call = worker.post(waiting)
  await until(() => built.metrics()['total_messages'] === 3)
  await built.app.mcp.drain()
  t.match(await (await call).answer(), { id: 1, error: { code: -32603, message: /shutdown/ } })
  t.ok(aborted)
})

test('a drain refuses a client whose server is still being built, and says when to come back', async t => {
  const built = await build(t, { drainTimeoutSeconds: 0.1, createServer: () => new Promise(() => {}) })
  const opening = new WireClient(`${built.url}/mcp`).initialize()
  await until(() => built.app.mcp.sessions.size === 1)
  await built.app.mcp.drain()
  const reply = await opening
  t.equal(reply.status, 503)
  t.ok(Number(reply.headers['retry-after']) > 0)
  t.match(await reply.json(), { id: 'init', error: { code: -32603 } })
  nothingLeft(t, built)
})
