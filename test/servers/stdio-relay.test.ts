import { test } from 'tap'
import { until } from '../helper.js'
import { gaugeOf, reasonsOf } from '../streamable-client.js'
import { stdio } from './stdio-endpoint.js'

test('progress goes to the request that asked for it, others notwithstanding', async t => {
  const { open, built } = await stdio(t)
  const client = await open()
  void client.call('hang', {}, { progressToken: 'other' }).catch(() => {})
  await until(() => built.app.mcp.sessions.list()[0]?.requestsInFlight === 1)
  const exchange = await client.call('progress', {}, { progressToken: 'mine' })
  t.match(await exchange.message(), { method: 'notifications/progress', params: { progressToken: 'mine' } })
  t.match(await exchange.message(), { result: { content: [{ text: 'progressed' }] } })
  await exchange.ended
})

test('progress that nobody asked for, and lists that change, go to the standing stream', async t => {
  const { open } = await stdio(t)
  const client = await open()
  const standing = await client.listen()
  t.equal(await client.callForText('progress', {}), 'progressed')
  t.match(await standing.message(), { method: 'notifications/progress' })
  t.match((await (await client.call('changed')).answer()), { result: {} })
  t.match(await standing.message(), { method: 'notifications/tools/list_changed' })
  standing.close()
})

test('a log message goes to the request in flight if there is only one', async t => {
  const { open, built } = await stdio(t)
  const client = await open()
  const standing = await client.listen()
  const alone = await client.call('log', { data: 'alone' })
  t.match(await alone.message(), { method: 'notifications/message', params: { data: 'alone' } })
  void client.request('tools/call', { name: 'hang' }, 'hanging').catch(() => {})
  await until(() => built.app.mcp.sessions.list()[0]?.requestsInFlight === 1)
  const beside = await client.call('log', { data: 'beside' })
  t.match(await beside.json(), { result: { content: [{ text: 'logged' }] } }, 'nothing but its answer')
  t.match(await standing.message(), { params: { data: 'beside' } })
  await client.notify('notifications/cancelled', { requestId: 'hanging' })
  await until(() => built.lines.some(({ stderr }) => stderr === 'cancelled hanging'))
  const after = await client.call('log', { data: 'after' })
  t.match(await after.message(), { params: { data: 'after' } }, 'what was cancelled is in flight no more')
  standing.close()
})

test('a request of the child\'s is answered by the client', async t => {
  const { open } = await stdio(t)
  const client = await open()
  const exchange = await client.call('ask')
  const { id, method } = await exchange.message()
  t.equal(method, 'sampling/createMessage')
  await client.respond(id, { role: 'assistant', model: 'm', content: { type: 'text', text: 'me' } })
  t.match((await exchange.message()).result?.content?.[0]?.text, '"text":"me"')
})

test('a request that the client can\'t be given is answered with an error', async t => {
  const { open } = await stdio(t, { streamBufferBytes: 300 })
  const client = await open()
  t.match(JSON.parse(await client.callForText('ask', { bytes: 400 }) ?? ''), { code: -32603, message: 'The client cannot be reached' })
})

test('a reader that pauses holds the child up, and loses nothing', async t => {
  const { open, built } = await stdio(t, { children: { lineLimitBytes: 4_194_304 } })
  const client = await open()
  const pieces = 300
  const exchange = await client.call('flood', { pieces, bytes: 50_000 })
  exchange.response.pause()
  while (await gaugeOf(built, 'mcp_stream_buffered_bytes') < 524_288) await new Promise(resolve => setImmediate(resolve))
  exchange.response.resume()
  await exchange.ended
  t.same(reasonsOf(built), [])
  t.equal(exchange.messages.length, pieces + 1)
})
