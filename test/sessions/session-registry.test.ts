import { test } from 'tap'
import { SessionRegistry, type SessionRegistryOptions } from '../../src/sessions/session-registry.js'
import type { Session } from '../../src/sessions/session.js'

function registry (options: Partial<SessionRegistryOptions> = {}) {
  const clock = { now: 0 }
  const closed: string[] = []
  const sessions = new SessionRegistry({
    maxSessions: 10,
    maxSessionsPerClient: 10,
    sessionTimeoutSeconds: 60,
    sessionHibernateSeconds: 0,
    streamBufferBytes: 65_536,
    now: () => clock.now,
    observer: {
      opened () {},
      received () {},
      sent () {},
      dropped () {},
      failed () {},
      closed (session, reason) { closed.push(`${session.clientKey} ${reason}`) }
    },
    ...options
  })
  const open = (name: string) => sessions.open({ principal: { id: name }, clientKey: name, transport: 'sse' })
  return { sessions, clock, closed, open }
}

const ping = { jsonrpc: '2.0' as const, id: 1, method: 'ping' }
const answer = { jsonrpc: '2.0' as const, id: 1, result: {} }
const stream = () => ({ write: () => 'written' as const, end () {}, destroy () {}, heartbeat: () => true, connected: true, bufferedBytes: 7 })

test('gives a session to its owner only', async t => {
  const { sessions, open } = registry()
  const { sessionId } = open('ada')
  t.equal(sessions.get(sessionId, { id: 'ada' }, 'sse')?.sessionId, sessionId)
  t.equal(sessions.get(sessionId, { id: 'eve' }, 'sse'), undefined)
  t.equal(sessions.get('other', { id: 'ada' }, 'sse'), undefined)
})

test('ids are unguessable and never the same', async t => {
  const { open } = registry()
  const ids = Array.from({ length: 10 }, () => open('ada').sessionId)
  t.equal(new Set(ids).size, 10)
  for (const id of ids) t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('ends the sessions that have been idle for the timeout, and no other', async t => {
  const { sessions, clock, closed, open } = registry()
  open('first')
  clock.now = 30_000
  open('second')
  clock.now = 59_999
  t.equal(sessions.sweep(), 0)
  clock.now = 60_000
  t.equal(sessions.sweep(), 1)
  t.same(closed, ['first idle'])
  t.equal(sessions.size, 1)
})

test('a message in either direction keeps a session', async t => {
  const { sessions, clock, closed, open } = registry()
  const [receives, sends] = [open('receives'), open('sends')]
  open('silent')
  sends.attachStream(stream())
  clock.now = 50_000
  receives.receive({ jsonrpc: '2.0', method: 'notifications/initialized' })
  await sends.send({ jsonrpc: '2.0', method: 'notifications/message' })
  clock.now = 60_000
  t.equal(sessions.sweep(), 1)
  t.same(closed, ['silent idle'])
})

test('a request in flight keeps a session, and from its answer on the time counts anew', async t => {
  const { sessions, clock, open } = registry()
  const session = open('ada')
  session.attachStream(stream())
  session.receive(ping)
  clock.now = 100_000
  t.equal(sessions.sweep(), 0)
  clock.now = 200_000
  await session.send(answer)
  clock.now = 259_999
  t.equal(sessions.sweep(), 0)
  clock.now = 260_000
  t.equal(sessions.sweep(), 1)
})

test('looks only at the front', async t => {
  const { sessions, clock, open } = registry({ maxSessions: 1_000, maxSessionsPerClient: 1_000 })
  const opened = Array.from({ length: 1_000 }, () => open('ada'))
  let looks = 0
  for (const session of opened) {
    Object.defineProperty(session, 'lastActivity', { get () { looks++; return clock.now }, set () {} })
  }
  sessions.sweep()
  t.equal(looks, 1)
})

test('has caps for all and for each client, and a place that is freed can be taken', async t => {
  const { sessions, open } = registry({ maxSessions: 3, maxSessionsPerClient: 2 })
  const first = open('ada')
  open('ada')
  t.throws(() => open('ada'), { code: 'WEIR_ERR_TOO_MANY_SESSIONS', detail: /MAX_SESSIONS_PER_CLIENT/, headers: { 'retry-after': String } })
  t.equal(sessions.hasRoom, true)
  open('ben')
  t.equal(sessions.hasRoom, false)
  t.throws(() => open('cleo'), { code: 'WEIR_ERR_TOO_MANY_SESSIONS', detail: /MAX_SESSIONS\)/ })
  await first.close('client')
  open('cleo')
  t.throws(() => open('ada'), /Too many/)
})

test('a session that is closed is forgotten at once, and a late message does not bring it back', async t => {
  const { sessions, open } = registry()
  const session = open('ada')
  session.attachStream(stream())
  await session.close('client')
  t.equal(sessions.get(session.sessionId, { id: 'ada' }, 'sse'), undefined)
  session.receive({ jsonrpc: '2.0', method: 'notifications/initialized' })
  t.equal(sessions.size, 0)
})

test('counts the bytes that wait, and beats for all', async t => {
  const { sessions, open } = registry()
  let beats = 0
  for (const name of ['ada', 'ben']) open(name).attachStream({ ...stream(), heartbeat: () => { beats++; return true } })
  sessions.heartbeat()
  t.equal(beats, 2)
  t.equal(sessions.bufferedBytes, 14)
})

test('draining ends the idle at once, the busy with their last answer, and lets nobody in', async t => {
  const { sessions, closed, open } = registry()
  open('idle')
  const busy = open('busy')
  busy.attachStream(stream())
  busy.receive(ping)
  t.equal(sessions.draining, false)
  const drained = sessions.drain(60)
  t.equal(sessions.drain(60), drained, 'a second call joins the first')
  await Promise.resolve()
  t.same(closed, ['idle shutdown'])
  t.equal(sessions.draining, true)
  t.throws(() => open('late'), { code: 'WEIR_ERR_DRAINING', headers: { 'retry-after': String } })
  await busy.send(answer)
  await drained
  t.same(closed, ['idle shutdown', 'busy shutdown'])
})

test('draining cuts the busy when the time is over, and waits no longer for instances that do not close', async t => {
  const { sessions, closed, open } = registry()
  const busy = open('busy')
  await busy.connect(() => ({ connect: async () => {}, close: () => new Promise(() => {}) }))
  busy.receive(ping)
  await sessions.drain(0)
  t.same(closed, ['busy shutdown'])
  t.equal(sessions.ending, 1)
})

test('draining waits for instances that are still closing', async t => {
  const { sessions, open } = registry()
  let release = () => {}
  const session: Session = open('ada')
  await session.connect(() => ({ connect: async () => {}, close: () => new Promise(resolve => { release = resolve }) }))
  let drained = false
  const draining = sessions.drain(60).then(() => { drained = true })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(drained, false)
  t.equal(sessions.ending, 1)
  release()
  await draining
  t.equal(sessions.ending, 0)
})

test('draining nothing is done at once', async t => {
  const { sessions } = registry()
  await sessions.drain(60)
  t.equal(sessions.size, 0)
})

test('of a client whose last session ended nothing is kept', async t => {
  const { sessions, open } = registry()
  const opened = [open('ada'), open('ada'), open('ben')]
  t.equal(sessions.clients, 2)
  await Promise.all(opened.map(session => session.close('client')))
  t.equal(sessions.clients, 0)
})
