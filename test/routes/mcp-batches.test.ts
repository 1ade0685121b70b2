import { test } from 'tap'
import { fixtureServer, until, type BuildOptions } from '../helper.js'
import { gate, initializeRequest, opened, talkative, type Message, type WireClient } from '../streamable-client.js'

const request = (id: number | string, method: string, params?: object) => ({ jsonrpc: '2.0', id, method, ...(params && { params }) })
const echo = (id: number | string, text = String(id)) => request(id, 'tools/call', { name: 'echo', arguments: { text } })
const call = (id: number | string, name: string, args: object = {}) => request(id, 'tools/call', { name, arguments: args })
const notification = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' }
const cancel = (requestId: unknown) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })
const of2025 = (t: Parameters<typeof opened>[0], options: BuildOptions = {}) => opened(t, options, '2025-03-26')
const answersOf = async (client: WireClient, batch: object[]) => await (await client.post(batch)).json() as unknown as Message[]

test('all requests of a batch are answered in one array, in any order, whatever else is in it', async t => {
  const [built, client] = await of2025(t)
  const reply = await client.post([echo(1), notification, echo('two'), { jsonrpc: '2.0', id: 9, result: {} }, request(3, 'no/such')])
  t.equal(reply.status, 200)
  t.match(reply.type, /^application\/json/)
  const answers = await reply.json() as unknown as Message[]
  t.equal(answers.length, 3)
  t.match(answers.find(({ id }) => id === 1), { jsonrpc: '2.0', result: { content: [{ text: '1' }] } })
  t.match(answers.find(({ id }) => id === 'two'), { result: { content: [{ text: 'two' }] } })
  t.match(answers.find(({ id }) => id === 3), { error: { code: -32601 } })
  t.equal(built.metrics()['total_messages'], 7)
})

test('a batch of one is answered with an array', async t => {
  const [, client] = await of2025(t)
  t.match(await answersOf(client, [echo(1)]), [{ id: 1, result: {} }])
})

test('a batch without a request is 202 without a body', async t => {
  const [, client] = await of2025(t)
  const reply = await client.post([notification, notification, { jsonrpc: '2.0', id: 9, result: {} }])
  await reply.ended
  t.same([reply.status, reply.body], [202, ''])
})

test('a hundred messages are a batch, more or none are not', async t => {
  const [, client] = await of2025(t)
  t.equal((await answersOf(client, Array.from({ length: 100 }, (_, id) => echo(id)))).length, 100)
  for (const batch of [[], Array.from({ length: 101 }, (_, id) => echo(id))]) {
    const reply = await client.post(batch)
    t.equal(reply.status, 400)
    t.match(await reply.json(), { jsonrpc: '2.0', id: null, error: { code: -32600, message: /1 to 100/ } })
  }
})

test('one bad message, a doubled id or one in flight refuses the whole, and nothing of it was delivered', async t => {
  const { held, open } = gate()
  let calls = 0
  const [built, client] = await of2025(t, {
    createServer: () => {
      const server = fixtureServer({ wait: held })
      server.registerTool('count', {}, () => { calls++; return { content: [] } })
      return server
    }
  })
  const waiting = client.post(call(50, 'wait'))
  await until(() => built.metrics()['total_messages'] === 3)
  const bad: [string, unknown][] = [['no message', { hello: 'world' }], ['null', null], ['a batch in a batch', [echo(2)]], ['a bad _meta', request(2, 'ping', { _meta: 5 })],
    ['a doubled id', call(1, 'count')], ['an id in flight', echo(50)], ['initialize', initializeRequest('2025-03-26')]]
  for (const [what, message] of bad) {
    for (const batch of [[call(1, 'count'), message], [message, call(1, 'count')]]) {
      const reply = await client.post(batch)
      t.equal(reply.status, 400, what)
      t.match(await reply.json(), { jsonrpc: '2.0', error: { code: -32600 } }, what)
    }
  }
  t.equal(calls, 0)
  t.equal(built.metrics()['total_messages'], 3)
  t.match(await answersOf(client, [call(1, 'count'), call('1', 'count')]), [{ result: {} }, { result: {} }], '1 and "1" are two ids')
  open()
  t.match(await (await waiting).answer(), { id: 50, result: {} })
})

test('a batch does not open a session', async t => {
  const [built, client] = await of2025(t)
  client.sessionId = ''
  for (const batch of [[initializeRequest('2025-03-26')], [echo(1)], []]) t.equal((await client.post(batch)).status, 400)
  t.equal(built.app.mcp.sessions.size, 1)
})

test('a batch of which one request streams is answered on a stream, all of it', async t => {
  const [, client] = await of2025(t, { createServer: () => talkative() })
  const reply = await client.post([echo(1), call(2, 'say', { pieces: 2 }), echo(3)])
  t.equal(reply.type, 'text/event-stream')
  await reply.ended
  const { messages } = reply
  t.equal(messages.filter(({ method }) => method === 'notifications/message').length, 2)
  t.same(messages.flatMap(({ id }) => id ?? []).toSorted(), [1, 2, 3])
  t.equal(messages.length, 5)
})

test('a batch that takes its time turns into a stream with what is there already', async t => {
  const { held, open } = gate()
  const [, client] = await of2025(t, { createServer: () => fixtureServer({ wait: held }) })
  const reply = await client.post([echo(1), call(2, 'wait')])
  t.equal(reply.type, 'text/event-stream')
  t.match(await reply.message(), { id: 1, result: {} })
  open('late')
  t.match(await reply.message(), { id: 2, result: { content: [{ text: 'late' }] } })
  await reply.ended
})

test('one of a batch can be cancelled: the others are answered, and it is not', async t => {
  const [built, client] = await of2025(t, { createServer: () => fixtureServer({ wait: () => new Promise(() => {}) }) })
  const batch = client.post([echo(1), call(2, 'wait')])
  await until(() => built.metrics()['total_messages'] === 4)
  await client.post(cancel(2))
  t.match(await (await batch).json(), [{ id: 1, result: {} }])

  const all = client.post([call(3, 'wait'), call(4, 'wait')])
  await until(() => built.metrics()['total_messages'] === 7)
  t.equal((await client.post([cancel(3), cancel(4)])).status, 202)
  const reply = await all
  await reply.ended
  t.same(reply.messages, [])
})

test('a batch may cancel what it asks', async t => {
  const [, client] = await of2025(t, { createServer: () => fixtureServer({ wait: () => new Promise(() => {}) }) })
  t.match(await answersOf(client, [call(1, 'wait'), cancel(1), echo(2)]), [{ id: 2, result: {} }])
})

test('a batch is answered even if its session ends', async t => {
  const [built, client] = await of2025(t, { createServer: () => fixtureServer({ wait: () => new Promise(() => {}) }) })
  const batch = client.post([echo(1), call(2, 'wait'), call(3, 'wait')])
  await until(() => built.metrics()['total_messages'] === 5)
  await client.delete()
  const reply = await batch
  t.match(await reply.json(), [{ id: 1, result: {} }, { id: 2, error: { code: -32603 } }, { id: 3, error: { code: -32603 } }])
})

test('later revisions have no batches', async t => {
  for (const version of ['2025-06-18', '2025-11-25']) {
    const [built, client] = await opened(t, {}, version)
    for (const batch of [[echo(1)], [notification], [], [echo(1), echo(2)]]) {
      const reply = await client.post(batch)
      t.equal(reply.status, 400)
      t.match(await reply.json(), { jsonrpc: '2.0', id: null, error: { code: -32600, message: new RegExp(`not part of MCP ${version}`) } })
    }
    t.equal(built.metrics()['total_messages'], 2)
  }
})
