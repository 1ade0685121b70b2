import net from 'node:net'
import type { FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import { nothingLeft, until, type Built } from '../helper.js'
import { ACCEPT, gaugeOf, opened, reasonsOf, talkative, type WireClient } from '../streamable-client.js'

const streamBufferBytes = 262_144

/** A session whose client may be slow, and how many bytes waited for it at the most. */
async function watched (t: Test): Promise<{ built: Built, client: WireClient, peak: () => number }> {
  let peak = 0
  const sample = async (app: FastifyInstance) => { peak = Math.max(peak, await gaugeOf({ app }, 'mcp_stream_buffered_bytes')) }
  const [built, client] = await opened(t, {
    streamBufferBytes,
    createServer: () => talkative(),
    // Answers on one connection come in one turn of the event loop: no timer sees what waits in between. And a host's hook takes its time.
    host: app => { app.addHook('onSend', async () => sample(app)) }
  })
  const watch = setInterval(() => { void sample(built.app) }, 1)
  t.teardown(() => { clearInterval(watch) })
  return { built, client, peak: () => peak }
}

/** Checks that the session ends as it should, within its bounds. */
async function endsAsSlow (t: Test, { built, peak }: Awaited<ReturnType<typeof watched>>, provoke: () => Promise<void>): Promise<void> {
  await provoke()
  await until(() => built.app.mcp.sessions.size === 0)
  t.ok(peak() > streamBufferBytes / 2 && peak() <= streamBufferBytes, `${peak()} bytes waited at the most`)
  t.same(reasonsOf(built), ['slow-consumer'])
  await until(() => built.metrics().active_connections === 0)
  nothingLeft(t, built)
}

test('a reader of a call\'s stream that stops costs at most the buffer, and its session ends', async t => {
  const slow = await watched(t)
  const { client } = slow
  await endsAsSlow(t, slow, async () => {
    const call = await client.call('say', { pieces: 2_000, bytes: 60_000 })
    call.response.pause()
  })
})

test('a reader of the standing stream that stops costs at most the buffer, and its session ends', async t => {
  const slow = await watched(t)
  const { client } = slow
  const standing = await client.listen()
  standing.response.pause()
  await endsAsSlow(t, slow, async () => {
    t.match(await (await client.call('flood', { bytes: 60_000, pieces: 2_000 })).answer(), { error: { message: /slow-consumer/ } })
  })
})

test('streams that are slow together cost no more than one', async t => {
  const slow = await watched(t)
  const { client } = slow
  await endsAsSlow(t, slow, async () => {
    await Promise.allSettled(Array.from({ length: 8 }, async () => { (await client.call('say', { pieces: 300, bytes: 60_000 })).response.pause() }))
  })
})

test('JSON answers that nobody reads, on many sockets, end the session', async t => {
  const slow = await watched(t)
  const { built, client } = slow
  const sockets: net.Socket[] = []
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  await endsAsSlow(t, slow, async () => {
    for (let index = 0; index < 100 && built.app.mcp.sessions.size > 0; index++) {
      const socket = unread(built)
      sockets.push(socket)
      for (let call = 0; call < 20; call++) socket.write(largeCall(client, index * 20 + call, 200_000))
      await new Promise(resolve => setImmediate(resolve))
    }
  })
})

test('JSON answers that nobody reads, pipelined on one socket, end the session', async t => {
  const slow = await watched(t)
  const { built, client } = slow
  const socket = unread(built)
  t.teardown(() => { socket.destroy() })
  await endsAsSlow(t, slow, async () => {
    for (let call = 0; call < 500; call++) socket.write(largeCall(client, call, 60_000))
  })
})

test('a reader that keeps up is never cut off, however much it is sent', async t => {
  const [built, client] = await opened(t, { streamBufferBytes, createServer: () => talkative() })
  const call = await client.call('say', { pieces: 200, bytes: 65_536 })
  await call.ended
  t.equal(call.messages.length, 201)
  for (let large = 0; large < 20; large++) t.equal((await client.callForText('large', { bytes: 200_000 }))?.length, 200_000)
  t.same(reasonsOf(built), [])
})

test('an answer that no stream may hold becomes an error that says so, as JSON and on a stream, and the session lives on', async t => {
  const [, client] = await opened(t, { streamBufferBytes: 65_536, createServer: () => talkative() })
  t.match(await (await client.call('large', { bytes: 100_000 })).answer(), { id: 1, error: { code: -32603, message: /STREAM_BUFFER_BYTES/ } })
  t.match(await (await client.call('say', { pieces: 1, bytes: 100_000 })).answer(), { id: 2, result: {} }, 'a log line that is too large is left out')
  t.equal(await client.callForText('echo', { text: 'still here' }), 'still here')
  t.match(await (await client.call('broken')).answer(), { error: { code: -32603, message: /JSON/ } })
})

/** A connection on which nothing is read. */
function unread ({ port }: Built): net.Socket {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  return socket
}

function largeCall ({ sessionHeaders }: WireClient, id: number, bytes: number): string {
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'large', arguments: { bytes } } })
  const headers = Object.entries({ host: '127.0.0.1', accept: ACCEPT, 'content-type': 'application/json', 'content-length': String(body.length), ...sessionHeaders })
  return `POST /mcp HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}
