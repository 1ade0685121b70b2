import { SubscribeRequestSchema, SetLevelRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { test } from 'tap'
import { fixtureServer, nothingLeft, until, type BuildOptions, type Built } from '../helper.js'
import { gate, gaugeOf, opened, reasonsOf, talkative, WireClient } from '../streamable-client.js'

/** Long enough for a client on a busy machine to get from one request to the next. */
const HIBERNATE = 0.15

/** Counts the server instances that were built and closed. */
function counting (create = () => talkative()) {
  const counts = { built: 0, closed: 0 }
  const createServer = () => {
    counts.built++
    const server = create()
    server.server.onclose = () => { counts.closed++ }
    return server
  }
  return { counts, createServer }
}

async function asleep (built: Built, wanted = 1): Promise<void> {
  while (await gaugeOf(built, 'mcp_sessions_hibernated') !== wanted) await new Promise(resolve => setTimeout(resolve, 2))
}

const options = (more: BuildOptions): BuildOptions => ({ sessionHibernateSeconds: HIBERNATE, ...more })

test('an abandoned session lets its server go, and the next call builds it again without its client noticing', async t => {
  const { counts, createServer } = counting(() => {
    const server = talkative()
    server.registerTool('client', {}, () => ({ content: [{ type: 'text', text: JSON.stringify([server.server.getClientVersion(), server.server.getClientCapabilities()]) }] }))
    return server
  })
  const [built, client] = await opened(t, options({ createServer }))
  await asleep(built)
  await until(() => counts.closed === counts.built)
  const before = counts.built
  t.same(reasonsOf(built), [], 'the session lives')

  const reply = await client.call('client')
  t.match(reply.type, /json/)
  t.same(JSON.parse(String((await reply.answer()).result?.content?.[0]?.text)), [{ name: 'wire', version: '1' }, { sampling: {}, roots: {} }])
  t.equal(counts.built, before + 1)
  t.match(built.metrics(), { active_sessions: 1, total_messages: 3, total_errors: 0 }, 'what was told again is no message of the client\'s')

  for (let round = 2; round <= 4; round++) {
    await asleep(built)
    t.equal(await client.callForText('echo', { text: 'again' }), 'again')
    t.equal(counts.built, before + round)
  }
  await client.delete()
  await until(() => counts.closed === counts.built)
  nothingLeft(t, built)
})

test('the log level and the subscriptions are told again, and only those that still hold', async t => {
  const seen: string[][] = []
  const [built, client] = await opened(t, options({
    createServer: () => {
      const mine: string[] = []
      seen.push(mine)
      const server = fixtureServer()
      server.server.registerCapabilities({ resources: { subscribe: true } })
      server.server.setRequestHandler(SetLevelRequestSchema, ({ params }) => { mine.push(params.level); return {} })
      server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => { mine.push(params.uri); return {} })
      return server
    }
  }))
  await client.request('logging/setLevel', { level: 'warning' })
  for (const uri of ['test://1', 'test://2', 'test://3']) await client.request('resources/subscribe', { uri })
  await client.request('resources/unsubscribe', { uri: 'test://2' })
  await asleep(built)
  t.equal(await client.callForText('echo', { text: 'x' }), 'x')
  t.same(seen.at(-1)?.toSorted(), ['test://1', 'test://3', 'warning'])
})

test('several calls at once wake the server once, and all are answered', async t => {
  const { counts, createServer } = counting()
  const [built, client] = await opened(t, options({ createServer }))
  await asleep(built)
  const before = counts.built
  const texts = await Promise.all(Array.from({ length: 20 }, (_, index) => client.callForText('echo', { text: String(index) })))
  t.same(texts, Array.from({ length: 20 }, (_, index) => String(index)))
  t.equal(counts.built, before + 1)
})

test('a server stays while a stream is open, a call is in flight, or it waits for its client', async t => {
  const { held, open } = gate()
  const { counts, createServer } = counting(() => talkative({ wait: held }))
  const [built, reader] = await opened(t, options({ createServer }))
  const stream = await reader.listen()
  const worker = await new WireClient(reader.url).open()
  const call = worker.call('wait')
  const asked = await new WireClient(reader.url).open()
  const sample = await asked.call('sample')
  const { id } = await sample.message()
  await new WireClient(reader.url).open()
  await asleep(built)
  t.equal(counts.built - counts.closed, 3, 'all but the one that nobody needs')

  open()
  await (await call).ended
  await asked.respond(id, { model: 'm', role: 'assistant', content: { type: 'text', text: 'The Aare' } })
  t.match(await sample.answer(), { result: {} })
  stream.close()
  await asleep(built, 4)
  t.equal(counts.closed, counts.built)
})

test('a client that listens wakes its server', async t => {
  const { counts, createServer } = counting()
  const [built, client] = await opened(t, options({ createServer }))
  await asleep(built)
  const before = counts.built
  const stream = await client.listen()
  await until(() => counts.built === before + 1)
  t.equal(await client.callForText('flood', { bytes: 2, pieces: 1 }), 'flooded')
  t.match(await stream.message(), { params: { data: 'xx' } })
})

test('what was kept for a client is still there when its server sleeps', async t => {
  const [built, client] = await opened(t, options({ createServer: () => talkative() }))
  const call = await client.call('say', { pieces: 3 })
  await call.ended
  await client.callForText('flood', { bytes: 2, pieces: 1 })
  await asleep(built)
  const again = await client.listen(call.events.find(({ data }) => data !== '')?.id)
  await again.ended
  t.equal(again.messages.length, 3)
  t.match(await (await client.listen()).message(), { params: { data: 'xx' } })
})

test('a server that can\'t be built again is an error to who asked, and the next call tries anew', async t => {
  let failing = false
  const [built, client] = await opened(t, options({
    createServer: () => {
      if (failing) throw new Error('secret reason')
      return talkative()
    }
  }))
  await asleep(built)
  failing = true
  const failed = await client.request('ping', undefined, 'seven')
  const answer = await failed.answer()
  t.match(answer, { jsonrpc: '2.0', id: 'seven', error: { code: -32603 } })
  t.notMatch(JSON.stringify(answer), /secret/)
  t.match(built.lines.filter(({ level }) => level === 50), [{ err: { message: 'secret reason' } }])
  failing = false
  t.equal(await client.callForText('echo', { text: 'now' }), 'now')
  t.same(reasonsOf(built), [])
})

test('a session that ends while its server wakes leaves nothing', async t => {
  let release = () => {}
  let slow = false
  const { counts, createServer } = counting()
  const [built, client] = await opened(t, options({ createServer: () => !slow ? createServer() : new Promise(resolve => { release = () => { resolve(createServer()) } }) }))
  await asleep(built)
  slow = true
  const stale = release
  const call = client.call('echo', { text: 'x' })
  await until(() => release !== stale)
  t.equal((await client.delete()).status, 204)
  t.match(await (await call).answer(), { error: { code: -32603, message: /session ended/ } })
  const before = counts.built
  release()
  await until(() => counts.built === before + 1)
  nothingLeft(t, built)
})

test('a client that cancels while its server wakes is not answered', async t => {
  let release = () => {}
  let slow = false
  const { createServer } = counting()
  const [built, client] = await opened(t, options({ createServer: () => !slow ? createServer() : new Promise(resolve => { release = () => { resolve(createServer()) } }) }))
  await asleep(built)
  slow = true
  const stale = release
  const call = client.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 5)
  await until(() => release !== stale)
  await client.notify('notifications/cancelled', { requestId: 5 })
  slow = false
  release()
  const reply = await call
  await reply.ended
  t.same(reply.messages, [])
  t.equal(await client.callForText('echo', { text: 'y' }), 'y')
})

test('the server of a session that was never asked to sleep stays', async t => {
  const { counts, createServer } = counting()
  const [built, client] = await opened(t, { createServer, cleanupIntervalSeconds: 0.01 })
  await until(() => built.lines.filter(({ msg }) => /cleanup found nothing/.test(msg)).length > 5)
  t.same(counts, { built: 1, closed: 0 })
  t.equal(await client.callForText('echo', { text: 'x' }), 'x')
})
