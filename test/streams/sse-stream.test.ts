import { once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { SseStream } from '../../src/streams/sse-stream.js'

const message = (data: string) => ({ jsonrpc: '2.0' as const, method: 'notifications/message', params: { data } })

/** A stream that is piped into a response whose client reads nothing. */
async function stalled (t: Test, limitBytes: number): Promise<{ stream: SseStream, response: ServerResponse }> {
  const stream = new SseStream(limitBytes)
  const server = http.createServer((_request, response) => {
    response.writeHead(200)
    stream.attach(response)
    stream.readable.pipe(response)
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  await once(server, 'listening')
  const requested = once(server, 'request')
  const request = http.get({ port: (server.address() as AddressInfo).port, agent: false })
  request.on('response', incoming => { incoming.pause() })
  request.on('error', () => {})
  const [, response] = await requested as [unknown, ServerResponse]
  return { stream, response }
}

/** Writes until the stream refuses, so that the socket is full as well; says how much waits then. */
async function fill (stream: SseStream): Promise<number> {
  while (stream.write(message('x'.repeat(50_000))) === 'written') await new Promise(resolve => setImmediate(resolve))
  return stream.bufferedBytes
}

test('writes events as the specification has them', async t => {
  const stream = new SseStream(1_000)
  t.equal(stream.writeEvent('endpoint', '/messages'), 'written')
  t.equal(stream.write(message('grüezi\nmitenand')), 'written')
  t.equal(stream.connected, true)
  stream.end()
  t.equal(stream.connected, false)
  t.equal(await text(stream.readable), 'event: endpoint\ndata: /messages\n\n' +
    'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"grüezi\\nmitenand"}}\n\nretry: 1000\n\n')
})

test('counts what waits, in bytes', async t => {
  const stream = new SseStream(1_000)
  t.equal(stream.bufferedBytes, 0)
  stream.writeEvent('message', 'ü')
  t.equal(stream.bufferedBytes, Buffer.byteLength('event: message\ndata: ü\n\n'))
})

test('never holds more than its limit: what has no room is full, what never fits is oversized', async t => {
  const stream = new SseStream(200)
  t.equal(stream.writeEvent('message', 'x'.repeat(300)), 'oversized')
  t.equal(stream.writeEvent('message', 'ü'.repeat(150)), 'oversized', 'in bytes, not in characters')
  t.equal(stream.writeEvent('message', 'x'.repeat(100)), 'written')
  t.equal(stream.writeEvent('message', 'x'.repeat(100)), 'full')
  t.ok(stream.bufferedBytes <= 200)
})

test('counts what waits in the socket as well', async t => {
  const { stream, response } = await stalled(t, 300_000)
  const waiting = await fill(stream)
  t.ok(waiting <= 300_000 && waiting > 200_000, `${waiting} bytes wait`)
  t.ok(response.writableLength > 0, 'some of them in the response')
  t.equal(waiting, stream.readable.readableLength + response.writableLength)
})

test('a heartbeat is written only where nothing waits', async t => {
  const stream = new SseStream(1_000)
  t.equal(stream.heartbeat(), true)
  const once = stream.bufferedBytes
  t.equal(stream.heartbeat(), true)
  t.equal(stream.bufferedBytes, once)
})

test('a reader that takes nothing for four heartbeats is gone', async t => {
  const { stream } = await stalled(t, 300_000)
  await fill(stream)
  stream.heartbeat()
  t.same([1, 2, 3].map(() => stream.heartbeat()), [true, true, true])
  t.equal(stream.heartbeat(), false)
})

test('a reader that takes a little between heartbeats is only slow', async t => {
  const stream = new SseStream(2_000_000)
  stream.readable.on('readable', () => {})
  for (let piece = 0; piece < 12; piece++) stream.writeEvent('message', 'x'.repeat(100_000))
  for (let beat = 0; beat < 10; beat++) {
    stream.readable.read(65_536)
    t.equal(stream.heartbeat(), true)
  }
})

test('end says when to come back, once, and nothing comes after it', async t => {
  const stream = new SseStream(1_000)
  stream.end()
  stream.end()
  t.equal(stream.heartbeat(), true)
  t.equal(await text(stream.readable), 'retry: 1000\n\n')
})

test('an ended stream whose reader does not read is cut', async t => {
  const { stream, response } = await stalled(t, 300_000)
  await fill(stream)
  stream.end()
  await once(response, 'close')
  t.ok(stream.readable.destroyed)
})

test('destroy drops what waits, and the connection with it', async t => {
  const { stream, response } = await stalled(t, 300_000)
  await fill(stream)
  const closed = once(response, 'close')
  stream.destroy()
  await closed
  t.ok(response.destroyed)
  t.equal(stream.write(message('late')), 'written', 'a late write is no error')
  t.equal(new SseStream(10).heartbeat(), true)
})

test('whoever writes to a full stream waits for its reader, but no longer than a second', async t => {
  const { stream, response } = await stalled(t, 300_000)
  t.equal(stream.drained(), undefined, 'there is room')
  await fill(stream)
  const drained = stream.drained()
  t.ok(drained instanceof Promise)
  t.equal(stream.drained(), drained, 'all wait for the same')
  await drained
  t.equal(stream.drained(), undefined, 'a reader that takes nothing had its chance')
  response.emit('drain')
  t.ok(stream.drained() instanceof Promise, 'it took something: it is waited for again')
  stream.destroy()
  await stream.drained()
  t.equal(new SseStream(10).drained(), undefined)
})
