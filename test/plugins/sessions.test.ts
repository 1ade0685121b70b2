import Fastify from 'fastify'
import { test } from 'tap'
import metrics from '../../src/plugins/metrics.js'
import sessions from '../../src/plugins/sessions.js'

const options = { maxSessions: 2, maxSessionsPerClient: 2, sessionTimeoutSeconds: 60, sessionHibernateSeconds: 0, streamBufferBytes: 65_536, heartbeatSeconds: 0.005, drainTimeoutSeconds: 1 }
const stream = (beats: string[]) => ({ write: () => 'written' as const, heartbeat: () => { beats.push('beat'); return true }, end () { beats.push('end') }, destroy () {}, connected: true, bufferedBytes: 9 })

test('beats for every stream until the server closes, and ends every session before', async t => {
  const app = Fastify()
  const started = t.capture(globalThis, 'setInterval', setInterval)
  await app.register(metrics)
  await app.register(sessions, options)
  await app.ready()
  const beats: string[] = []
  app.sessions.open({ principal: { id: 'ada' }, clientKey: 'ada', transport: 'sse' }).attachStream(stream(beats))
  while (beats.length < 3) await new Promise(resolve => setImmediate(resolve))
  const text = await app.metrics.registry.metrics()
  for (const line of ['mcp_sessions_active 1', 'mcp_clients_active 1', 'mcp_sessions_ending 0', 'mcp_stream_buffered_bytes 9', 'mcp_sessions_opened_total 1']) t.match(text, line)

  const stopped = t.capture(globalThis, 'clearInterval', clearInterval)
  await app.close()
  t.equal(beats.at(-1), 'end')
  t.equal(app.sessions.size, 0)
  t.equal(app.metrics.sessionsClosed.shutdown, 1)
  const [start] = started()
  t.ok(start !== undefined && 'returned' in start && stopped().some(({ args }) => args[0] === start.returned), 'the heartbeat has stopped')
})
