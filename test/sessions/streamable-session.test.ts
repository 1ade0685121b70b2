import { test } from 'tap'
import type { JSONRPCMessage } from '../../src/json-rpc.js'
import { createRecord } from '../../src/sessions/session-record.js'
import { Session } from '../../src/sessions/session.js'
import type { ServerInstance, SessionObserver } from '../../src/sessions/session-types.js'
import { Patience } from '../../src/streams/patience.js'
import { fixtureServer, until, type FixtureHooks } from '../helper.js'
import { arrived, FakeResponse } from '../streams/fake-response.js'

function streamable (limitBytes = 65_536) {
  const calls: string[] = []
  const note = (name: string) => (...[, detail]: unknown[]) => { calls.push(typeof detail === 'string' ? `${name} ${detail}` : name) }
  const observer: SessionObserver = {
    opened () {}, adopt () {}, active () {}, received () {}, sent () {}, settled () {}, dropped: note('dropped'), failed: note('failed'), closed: note('closed')
  }
  const session = new Session(createRecord('the-id', 'ada', 'streamable'), 'principal ada', observer, new Patience())
  session.openStreams(limitBytes)
  const post = async (message: JSONRPCMessage): Promise<FakeResponse> => {
    const response = new FakeResponse()
    const isRequest = 'method' in message && 'id' in message
    session.assertReceivable([message])
    session.receive(message, isRequest ? { reply: session.streams?.reply(response) } : {})
    await arrived()
    return response
  }
  let lastId = 0
  const call = (name: string, args: object = {}) => post({ jsonrpc: '2.0', id: ++lastId, method: 'tools/call', params: { name, arguments: args } })
  return { session, calls, post, call }
}

const initialize = { jsonrpc: '2.0' as const, id: 'init', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: { sampling: {} }, clientInfo: { name: 'c', version: '1' } } }

async function initialized (createInstance: () => ServerInstance | Promise<ServerInstance> = () => fixtureServer()) {
  const built = streamable()
  await built.session.connect(createInstance)
  const response = await built.post(initialize)
  return { ...built, response }
}

/** Counts the instances that live. */
function counted (hooks: FixtureHooks = {}) {
  const count = { built: 0, alive: 0 }
  const create = () => {
    count.built++
    count.alive++
    return fixtureServer({ ...hooks, onclose: () => { count.alive-- } })
  }
  return { count, create }
}

test('an initialize that is refused ends its session, and so does one whose client went away', async t => {
  const refused = streamable()
  await refused.session.connect(() => fixtureServer())
  await refused.post({ ...initialize, params: {} })
  t.equal(refused.session.closeReason, 'error')
  const gone = streamable()
  let release = (_answer: string) => {}
  await gone.session.connect(() => ({ connect: async transport => { transport.onmessage = () => { release = () => { void transport.send({ jsonrpc: '2.0', id: 'init', result: {} }) } } }, close: async () => {} }))
  const response = await gone.post(initialize)
  response.close()
  release('')
  await arrived()
  t.equal(gone.session.closeReason, 'disconnected')
})

test('an initialize can\'t be cancelled', async t => {
  const { session, post } = streamable()
  await session.connect(() => ({ connect: async () => {}, close: async () => {} }))
  await post(initialize)
  await post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'init' } })
  t.equal(session.busy, true)
})

test('a server that throws at a request has it answered with an error', async t => {
  const { session, post, calls } = streamable()
  await session.connect(() => ({ connect: async transport => { transport.onmessage = () => { throw new Error('secret') } }, close: async () => {} }))
  const response = await post({ jsonrpc: '2.0', id: 1, method: 'ping' })
  t.match(JSON.parse(response.answers[0] ?? ''), { id: 1, error: { code: -32603, message: 'The server failed' } })
  t.same(calls, ['failed'])
  t.equal(session.busy, false)
})

test('an answer that nobody asked for is dropped', async t => {
  const { session, calls } = await initialized()
  await session.send({ jsonrpc: '2.0', id: 99, result: {} })
  t.same(calls, ['dropped no stream'])
})

test('a server asks at most a thousand things at a time', async t => {
  const { session, calls } = streamable(1_000_000)
  await session.connect(() => fixtureServer())
  for (let id = 0; id < 1_000; id++) await session.send({ jsonrpc: '2.0', id, method: 'roots/list' })
  await t.rejects(session.send({ jsonrpc: '2.0', id: 1_000, method: 'roots/list' }), { code: 'WEIR_ERR_UNREACHABLE' })
  t.same(calls, ['dropped too many requests wait for its client'])
  await session.close('client')
  t.same(calls.filter(call => call.startsWith('closed')), ['closed client'])
})

test('a request that its server gives up is taken back before its client sees it', async t => {
  const { session } = await initialized()
  await session.send({ jsonrpc: '2.0', id: 5, method: 'roots/list' })
  const asked = session.keptBytes
  await session.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } })
  t.ok(asked > 0)
  t.equal(session.streams?.log.after({ stream: 0, number: 0 }).some(({ request }) => request === 5), false)
  t.equal(session.abandoned, true)
})

test('a request to a client that is not there is answered with an error inside the server', async t => {
  const { call } = await initialized()
  const response = await call('ask')
  await until(() => response.answers.length > 0 || response.data.length > 1)
  await arrived()
  t.match(response.answers[0] ?? response.data.at(-1), /The client cannot be reached/)
})

test('an abandoned session lets its instance go, and builds it again for the next message', async t => {
  const { count, create } = counted()
  const { session, call, post } = await initialized(create)
  await post({ jsonrpc: '2.0', method: 'notifications/initialized' })
  await post({ jsonrpc: '2.0', id: 'level', method: 'logging/setLevel', params: { level: 'error' } })
  t.equal(session.abandoned, true)
  t.equal(session.hibernate(), true)
  t.equal(session.asleep, true)
  t.equal(session.hibernate(), false, 'it sleeps already')
  await arrived()
  t.same(count, { built: 1, alive: 0 })
  const [one, two] = await Promise.all([call('echo', { text: 'one' }), call('flood', { bytes: 5, pieces: 2 })])
  await until(() => one.answers.length === 1 && two.answers.length === 1)
  t.match(one.answers[0], /"one"/)
  t.equal(two.streaming, false, 'its log level was kept: nothing below it was said')
  t.same(count, { built: 2, alive: 1 })
  await session.close('client')
  t.same(count, { built: 2, alive: 0 })
})

test('who comes to listen wakes it', async t => {
  const { count, create } = counted()
  const { session } = await initialized(create)
  session.wake({})
  t.equal(count.built, 1, 'awake already')
  session.hibernate()
  session.wake({})
  t.equal(session.asleep, false)
  t.equal(session.hibernate(), false, 'not while it is being built')
  await until(() => count.built === 2)
})

test('what is at work, asked, or read does not sleep', async t => {
  const { session, call, post } = await initialized(() => fixtureServer({ wait: () => new Promise(() => {}) }))
  const listening = new FakeResponse()
  const place = session.streams?.find(undefined)
  if (typeof place === 'object') session.streams?.open(place, listening)
  t.equal(session.hibernate(), false)
  listening.close()
  await session.send({ jsonrpc: '2.0', id: 1, method: 'roots/list' })
  t.equal(session.hibernate(), false)
  await post({ jsonrpc: '2.0', id: 1, result: { roots: [] } })
  await call('wait')
  t.equal(session.hibernate(), false)
})

test('a session that said too much, or nothing yet, does not sleep', async t => {
  const { session } = await initialized()
  session.record.rebuildable = false
  t.equal(session.hibernate(), false)
  const fresh = streamable()
  await fresh.session.connect(() => fixtureServer())
  t.equal(fresh.session.hibernate(), false)
})

test('an instance that can\'t be built again: who asked is told, and the next message tries anew', async t => {
  const { create } = counted()
  let fails = false
  const { session, call, post, calls } = await initialized(() => {
    if (fails) throw new Error('no')
    return create()
  })
  session.hibernate()
  fails = true
  await post({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })
  await until(() => calls.length >= 2)
  t.same(calls, ['failed', 'dropped no server'])
  const refused = await call('echo', { text: 'hi' })
  t.match(JSON.parse(refused.answers[0] ?? ''), { error: { code: -32603, message: 'The MCP server could not be started' } })
  t.equal(session.asleep, true)
  fails = false
  const served = await call('echo', { text: 'hi' })
  await until(() => served.answers.length === 1)
  t.match(served.answers[0], /"hi"/)
})

test('what a client tells an instance that is being built again has a bound, and a request still gets through', async t => {
  const { create } = counted()
  let release = () => {}
  let wakes = false
  const { session, call, calls } = await initialized(async () => {
    if (wakes) await new Promise<void>(resolve => { release = resolve })
    return create()
  })
  session.hibernate()
  wakes = true
  for (let index = 0; index < 1_500; index++) session.receive({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })
  t.equal(calls.filter(event => event === 'dropped its server is not there yet').length, 500)
  const served = await call('echo', { text: 'hi' })
  release()
  await until(() => served.answers.length === 1)
  t.match(served.answers[0], /"hi"/)
})

test('an instance that does not take the old initialize again is let go', async t => {
  let first = true
  const { session, call } = await initialized(() => {
    if (first) {
      first = false
      return fixtureServer()
    }
    return { connect: async transport => { transport.onmessage = message => { if ('id' in message) void transport.send({ jsonrpc: '2.0', id: message.id as string, error: { code: -32_602, message: 'who?' } }) } }, close: async () => {} }
  })
  session.hibernate()
  const refused = await call('echo', { text: 'hi' })
  t.match(refused.answers[0], /could not be started/)
  session.record.initialize = undefined as never
  t.match((await call('echo', { text: 'hi' })).answers[0], /could not be started/)
})

test('the end of a session that is waking leaves nothing', async t => {
  let release = () => {}
  let slow = false
  let closed = 0
  const { session, call } = await initialized(async () => {
    if (!slow) return fixtureServer()
    await new Promise<void>(resolve => { release = resolve })
    return { connect: async () => { t.fail('it must not be connected') }, close: async () => { closed++ } }
  })
  session.hibernate()
  slow = true
  const response = await call('echo', { text: 'hi' })
  await session.close('client')
  t.match(JSON.parse(response.answers[0] ?? ''), { error: { message: /The session ended/ } })
  release()
  await arrived()
  t.equal(closed, 1)
})

test('an instance that was let go is heard no more', async t => {
  const sent: Promise<void>[] = []
  let speak = () => {}
  const { session, calls } = await initialized(() => {
    const server = fixtureServer()
    return {
      connect: async transport => {
        await server.connect(transport)
        speak = () => {
          sent.push(transport.send({ jsonrpc: '2.0', method: 'notifications/message', params: {} }), transport.close())
          transport.setProtocolVersion?.('2025-06-18')
        }
      },
      close: () => server.close()
    }
  })
  session.hibernate()
  speak()
  await Promise.all(sent)
  t.same(calls, ['dropped its server was let go'])
  t.equal(session.closeReason, undefined)
})
