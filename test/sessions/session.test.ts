import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { test } from 'tap'
import type { JSONRPCMessage } from '../../src/json-rpc.js'
import { createRecord } from '../../src/sessions/session-record.js'
import { Session } from '../../src/sessions/session.js'
import type { SessionObserver } from '../../src/sessions/session-types.js'
import { Patience } from '../../src/streams/patience.js'
import type { Reply, StandingWire, WriteResult } from '../../src/streams/wire.js'
import { fixtureServer } from '../helper.js'

/** A wire that keeps what it is given. */
class FakeWire implements StandingWire, Reply {
  readonly written: JSONRPCMessage[] = []
  readonly ends: string[] = []
  result: WriteResult = 'written'
  alive = true
  connected = true
  bufferedBytes = 0
  write (message: JSONRPCMessage): WriteResult {
    JSON.stringify(message)
    if (this.result === 'written') this.written.push(message)
    return this.result
  }

  heartbeat (): boolean { return this.alive }
  end (): void { this.ends.push('end') }
  settle (): void { this.ends.push('settle') }
  pause (): void { this.ends.push('pause') }
  destroy (): void { this.ends.push('destroy') }
}

function observed () {
  const calls: string[] = []
  const note = (name: string) => (...[, detail]: unknown[]) => { calls.push(typeof detail === 'string' ? `${name} ${detail}` : name) }
  const observer: SessionObserver = {
    opened: note('opened'),
    adopt: () => {},
    active: note('active'),
    received: note('received'),
    sent: note('sent'),
    dropped: note('dropped'),
    settled: note('settled'),
    failed: note('failed'),
    closed: note('closed')
  }
  const session = new Session(createRecord('the-id', 'ada', 'sse'), 'principal ada', observer, new Patience())
  return { session, calls, without: (...names: string[]) => calls.filter(call => !names.includes(call)) }
}

const request = (id: number, method = 'ping') => ({ jsonrpc: '2.0' as const, id, method })
const response = (id: number) => ({ jsonrpc: '2.0' as const, id, result: {} })
const notification = { jsonrpc: '2.0' as const, method: 'notifications/message', params: { data: 'hi' } }

test('a response goes to the reply of its request, and with it what relates to that request', async t => {
  const { session } = observed()
  const [stream, reply] = [new FakeWire(), new FakeWire()]
  session.attachStream(stream)
  session.receive(request(1), { reply })
  session.receive(request(2))
  await session.send(notification, { relatedRequestId: 1 })
  await session.send(notification, { relatedRequestId: 2 })
  await session.send(notification)
  await session.send(response(1))
  await session.send(response(2))
  t.same(reply.written, [notification, response(1)])
  t.same(stream.written, [notification, notification, response(2)])
  t.equal(session.busy, false)
})

test('without any wire a notification is dropped and counted, and a request to the client fails at once', async t => {
  const { session, calls } = observed()
  await session.send(notification)
  t.same(calls, ['dropped no stream'])
  await t.rejects(session.send(request(1, 'sampling/createMessage')), { code: 'WEIR_ERR_UNREACHABLE' })
  t.same(calls, ['dropped no stream', 'dropped no stream'])
})

test('after its end nothing is written any more', async t => {
  const { session, calls } = observed()
  const stream = new FakeWire()
  session.attachStream(stream)
  await session.close('idle')
  await session.send(response(1))
  await t.rejects(session.send(request(1, 'roots/list')), { code: 'WEIR_ERR_UNREACHABLE' })
  t.same(stream.written, [])
  t.same(calls, ['closed idle', 'dropped idle', 'dropped idle'])
})

test('an error without an id goes to the standing stream', async t => {
  const { session } = observed()
  const stream = new FakeWire()
  session.attachStream(stream)
  const error = { jsonrpc: '2.0' as const, error: { code: -32700, message: 'Parse error' } }
  await session.send(error)
  t.same(stream.written, [error])
})

test('closes once, whoever asks and how often: stream, replies, handlers, instance', async t => {
  const { session, calls, without } = observed()
  const [stream, reply] = [new FakeWire(), new FakeWire()]
  let closed = 0
  let onclose = 0
  session.attachStream(stream)
  await session.connect(() => ({ connect: async transport => { transport.onclose = () => { onclose++ } }, close: async () => { closed++; await session.close() } }))
  session.receive(request(1), { reply })
  await Promise.all([session.close('client'), session.close('idle'), session.close()])
  t.same([closed, onclose], [1, 1])
  t.same(stream.ends, ['end'])
  t.match(reply.written, [{ id: 1, error: { code: -32603, message: /client/ } }], 'whoever waits is told')
  t.same(without('active', 'received'), ['closed client'])
  t.equal(session.closeReason, 'client')
  t.equal(calls.filter(call => call.startsWith('closed')).length, 1)
})

test('a server instance that ends its session is not closed by it again', async t => {
  const { session, calls } = observed()
  const server = fixtureServer()
  const stream = new FakeWire()
  session.attachStream(stream)
  await session.connect(() => server)
  await server.close()
  t.same(calls, ['closed server'])
  t.same(stream.ends, ['end'])
})

test('the end of a session aborts its handlers', async t => {
  const { session } = observed()
  let signal: AbortSignal | undefined
  session.attachStream(new FakeWire())
  await session.connect(() => fixtureServer({ wait: given => { signal = given; return new Promise(() => {}) } }))
  session.receive({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wait', arguments: {} } })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(signal?.aborted, false)
  await session.close('shutdown')
  t.equal(signal?.aborted, true)
})

test('an instance that can\'t close is an error of its own, and the session has ended all the same', async t => {
  const { session, calls } = observed()
  await session.connect(() => ({ connect: async () => {}, close: () => Promise.reject(new Error('no')) }))
  await session.close('client')
  t.same(calls, ['closed client', 'failed'])
})

test('a slow reader is cut off, and the request that found it so fails', async t => {
  const { session, calls } = observed()
  const stream = new FakeWire()
  stream.result = 'full'
  session.attachStream(stream)
  await t.rejects(session.send(request(1, 'sampling/createMessage')), { code: 'WEIR_ERR_UNREACHABLE' })
  t.same(stream.ends, ['destroy'])
  t.same(calls, ['closed slow-consumer', 'dropped slow-consumer'])
})

test('an oversized response becomes an error, an oversized notification is dropped, an oversized request fails', async t => {
  const { session, calls } = observed()
  const reply = new FakeWire()
  session.attachStream(reply)
  reply.write = message => {
    if (!('error' in message)) return 'oversized'
    reply.written.push(message)
    return 'written'
  }
  session.receive(request(1))
  await session.send(response(1))
  t.match(reply.written, [{ id: 1, error: { code: -32603, message: /STREAM_BUFFER_BYTES/ } }])
  await session.send(notification)
  await t.rejects(session.send(request(2, 'roots/list')), { code: 'WEIR_ERR_UNREACHABLE' })
  t.equal(calls.filter(call => call === 'dropped oversized').length, 2)
  t.equal(session.closeReason, undefined, 'the session lives on')
})

test('an oversized response for whose error there is no room either cuts the reader off', async t => {
  const { session, calls } = observed()
  const stream = new FakeWire()
  stream.write = message => 'error' in message ? 'full' : 'oversized'
  session.attachStream(stream)
  session.receive(request(1))
  await session.send(response(1))
  t.equal(session.closeReason, 'slow-consumer')
  t.ok(calls.includes('dropped slow-consumer'))
})

test('what is no JSON becomes an error where an answer is awaited, and is thrown where not', async t => {
  const { session } = observed()
  const stream = new FakeWire()
  session.attachStream(stream)
  session.receive(request(1))
  await session.send({ jsonrpc: '2.0', id: 1, result: { big: 1n } })
  t.match(stream.written, [{ id: 1, error: { code: -32603 } }])
  await t.rejects(session.send({ ...notification, params: { big: 1n } }), TypeError)
})

test('a reader that is gone ends its session with the heartbeat', async t => {
  const { session, calls } = observed()
  const stream = new FakeWire()
  session.heartbeat()
  session.attachStream(stream)
  session.heartbeat()
  t.same(calls, [])
  stream.alive = false
  session.heartbeat()
  t.same(calls, ['closed disconnected'])
  t.same(stream.ends, ['destroy'])
})

test('a cancelled request is settled: its id is free, its reply ends, a drain goes on', async t => {
  const { session, calls } = observed()
  const reply = new FakeWire()
  session.receive(request(0), { reply })
  for (const requestId of [undefined, {}, 'other', 0]) {
    session.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })
  }
  t.equal(session.busy, false)
  t.same(reply.ends, ['settle'])
  t.ok(calls.includes('settled'))
  session.receive({ jsonrpc: '2.0', method: 'notifications/cancelled' })
  session.receive(request(0))
})

test('keeps a record of what a rebuild would need', async t => {
  const { session } = observed()
  session.attachStream(new FakeWire())
  const initialize = { jsonrpc: '2.0' as const, id: 1, method: 'initialize', params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'c', version: '1' } } }
  await session.connect(() => fixtureServer())
  session.receive(initialize)
  await new Promise(resolve => setImmediate(resolve))
  t.match(session.record, { id: 'the-id', owner: 'ada', transport: 'sse', initialize, protocolVersion: '2024-11-05' })
  session.negotiated('2025-11-25')
  t.equal(session.record.protocolVersion, '2025-11-25')
})

test('an initialize that is refused negotiates nothing', async t => {
  const { session } = observed()
  session.attachStream(new FakeWire())
  session.receive({ ...request(1, 'initialize'), params: {} })
  await session.send({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no' } })
  t.equal(session.record.protocolVersion, undefined)
})

test('its hash stands for it, and does not give it away', async t => {
  const { session } = observed()
  t.match(session.hash, /^[0-9a-f]{12}$/)
  t.equal(session.hash, session.hash)
  t.equal(session.sessionId, 'the-id')
  t.equal(session.bufferedBytes, 0)
})

test('an instance that is ready after the end is closed; one that connects after the end is an end', async t => {
  const { session } = observed()
  let closed = 0
  let release = () => {}
  const connecting = session.connect(() => new Promise(resolve => {
    release = () => { resolve({ connect: async () => { t.fail('it must not be connected') }, close: async () => { closed++ } }) }
  }))
  await session.close('disconnected')
  await t.rejects(connecting, { code: 'WEIR_ERR_SESSION_CLOSED' })
  release()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(closed, 1)
})

test('is the SDK\'s transport: a client and a server of the SDK talk through a pair of sessions\' wires', async t => {
  const { session } = observed()
  await session.connect(() => fixtureServer())
  const client = new Client({ name: 'c', version: '1' })
  const transport = {
    onmessage: undefined as ((message: JSONRPCMessage) => void) | undefined,
    start: async () => {},
    send: async (message: JSONRPCMessage) => { session.receive(message) },
    close: async () => { await session.close('client') }
  }
  session.attachStream(Object.assign(new FakeWire(), { write: (message: JSONRPCMessage) => { transport.onmessage?.(message); return 'written' as const } }))
  await client.connect(transport)
  t.match(await client.callTool({ name: 'echo', arguments: { text: 'hi' } }), { content: [{ text: 'hi' }] })
  await client.close()
  t.equal(session.closeReason, 'client')
})
