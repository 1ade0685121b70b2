import { test } from 'tap'
import { fixtureServer, until, type Built } from '../helper.js'
import { opened, reasonsOf, talkative, WireClient, type Exchange } from '../streamable-client.js'

/** A server whose tool `wait` waits until it is aborted, and never answers. */
function patient () {
  const aborted: boolean[] = []
  const wait = (signal: AbortSignal) => new Promise<string>(() => { signal.onabort = () => { aborted.push(true) } })
  return { aborted, createServer: () => fixtureServer({ wait }) }
}

const wait = { name: 'wait', arguments: {} }
const handled = (built: Built, messages: number) => until(() => built.metrics()['total_messages'] === messages)

async function endsSilent (t: Parameters<typeof opened>[0], reply: Exchange): Promise<void> {
  await reply.ended
  t.match([reply.status, reply.type], [200, 'text/event-stream'])
  t.same(reply.messages, [])
}

test('a cancelled call is aborted, its response ends without a message, and the session is not busy for it', async t => {
  const { aborted, createServer } = patient()
  const [built, client] = await opened(t, { maxSessions: 1, createServer })
  const call = client.request('tools/call', wait, 5)
  await handled(built, 3)
  t.equal((await new WireClient(client.url).initialize()).status, 503, 'busy')
  t.equal((await client.notify('notifications/cancelled', { requestId: 5, reason: 'enough' })).status, 202)
  await endsSilent(t, await call)
  await until(() => aborted.length === 1)
  t.equal((await client.request('ping', undefined, 5)).status, 200, 'the id is free again')
  t.equal((await new WireClient(client.url).initialize()).status, 200, 'it gives way')
  t.same(reasonsOf(built), ['evicted'])
})

test('a call that is a stream already ends the same way, and does not ask its client to come back', async t => {
  let aborted = false
  const [built, client] = await opened(t, {
    createServer: () => {
      const server = talkative()
      server.registerTool('endless', {}, async ({ signal, sendNotification }) => {
        await sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'begun' } })
        return await new Promise(() => { signal.onabort = () => { aborted = true } })
      })
      return server
    }
  })
  const call = await client.request('tools/call', { name: 'endless', arguments: {} }, 'five')
  await call.message()
  await client.notify('notifications/cancelled', { requestId: 'five' })
  await call.ended
  t.equal(call.messages.length, 1)
  t.equal(call.retry, undefined)
  await until(() => aborted)
  await until(() => built.metrics().active_connections === 0)
  t.equal((await client.listen(call.lastEventId)).status, 204, 'nothing follows')
})

test('cancelling what is unknown, answered, or no id does no harm', async t => {
  const { aborted, createServer } = patient()
  const [built, client] = await opened(t, { createServer })
  const call = client.request('tools/call', wait, 5)
  await handled(built, 3)
  for (const params of [{ requestId: 77 }, { requestId: '5' }, { requestId: 'init' }, { requestId: null }, { requestId: {} }, {}, undefined]) {
    t.equal((await client.notify('notifications/cancelled', params)).status, 202)
  }
  t.equal(aborted.length, 0)
  t.equal((await client.request('ping', undefined, 5)).status, 400, 'still in flight')
  await client.notify('notifications/cancelled', { requestId: 5 })
  await endsSilent(t, await call)
})

test('an answer that comes after it was cancelled is dropped', async t => {
  let release = (_answer: string) => {}
  const [built, client] = await opened(t, { createServer: () => fixtureServer({ wait: () => new Promise(resolve => { release = resolve }) }) })
  const call = client.request('tools/call', wait, 5)
  await handled(built, 3)
  await client.notify('notifications/cancelled', { requestId: 5 })
  await endsSilent(t, await call)
  const next = client.request('tools/call', wait, 5)
  const stale = release
  await handled(built, 5)
  await until(() => release !== stale)
  stale('of the first')
  release('of the second')
  t.match(await (await next).answer(), { id: 5, result: { content: [{ text: 'of the second' }] } })
})

test('a client that disconnects has not cancelled', async t => {
  const { aborted, createServer } = patient()
  const [built, client] = await opened(t, { createServer })
  const call = await client.request('tools/call', wait, 5)
  call.close()
  await until(() => built.metrics().active_connections === 0)
  t.equal((await client.request('ping', undefined, 5)).status, 400, 'still in flight')
  t.equal(aborted.length, 0)
})

test('DELETE aborts what is in flight', async t => {
  const { aborted, createServer } = patient()
  const [built, client] = await opened(t, { createServer })
  const calls = [client.request('tools/call', wait, 5), client.request('tools/call', wait, 6)]
  await handled(built, 4)
  await client.delete()
  await until(() => aborted.length === 2)
  for (const call of calls) t.match(await (await call).answer(), { error: { code: -32603, message: /client/ } })
})

test('the idle end of a session closes its server', async t => {
  let closed = false
  const [built] = await opened(t, { sessionTimeoutSeconds: 0.1, cleanupIntervalSeconds: 0.02, createServer: () => fixtureServer({ onclose: () => { closed = true } }) })
  await until(() => closed)
  t.same(reasonsOf(built), ['idle'])
})

test('a message that a server would drop without a word is refused, and never hangs', async t => {
  const [built, client] = await opened(t)
  for (const params of [{ _meta: 5 }, { _meta: null }, { _meta: 'x' }, { _meta: { progressToken: {} } }, [1]]) {
    const reply = await client.request('tools/call', params, 5)
    t.ok(reply.status === 400 || reply.status === 200)
    t.match(await reply.json(), { id: 5, error: { code: Number } })
  }
  t.equal((await client.request('ping', undefined, 5)).status, 200, 'nothing is in flight')
  t.equal(built.app.mcp.sessions.size, 1)
})
