import { test } from 'tap'
import { SessionRegistry, type SessionRegistryOptions } from '../../src/sessions/session-registry.js'
import type { Session } from '../../src/sessions/session.js'
import { fixtureServer } from '../helper.js'
import { FakeResponse } from '../streams/fake-response.js'

function registry (options: Partial<SessionRegistryOptions> = {}) {
  const clock = { now: 0 }
  const closed: string[] = []
  const sessions = new SessionRegistry({
    maxSessions: 3,
    maxSessionsPerClient: 3,
    sessionTimeoutSeconds: 60,
    sessionHibernateSeconds: 10,
    streamBufferBytes: 65_536,
    now: () => clock.now,
    observer: { opened () {}, received () {}, sent () {}, dropped () {}, failed () {}, closed (session, reason) { closed.push(`${session.clientKey} ${reason}`) } },
    ...options
  })
  const open = (name: string, transport: 'sse' | 'streamable' = 'streamable') => {
    clock.now += 1_000
    return sessions.open({ principal: { id: name }, clientKey: name, transport })
  }
  return { sessions, clock, closed, open }
}

/** Opens the session's standing stream. */
function listen (session: Session): FakeResponse {
  const response = new FakeResponse()
  const place = session.streams?.find(undefined)
  if (typeof place === 'object') session.streams?.open(place, response)
  return response
}

const ping = { jsonrpc: '2.0' as const, id: 1, method: 'ping' }
const initialized = { jsonrpc: '2.0' as const, method: 'notifications/initialized' }

test('at the cap the least recently used session gives way, if nobody reads it or works for it', t => {
  const { sessions, closed, open } = registry()
  const [read, busy, idle] = [open('read'), open('busy'), open('idle')]
  listen(read)
  busy.receive(ping)
  t.equal(sessions.hasRoom, true)
  sessions.assertRoom('new')
  t.equal(idle.closeReason, undefined, 'asking takes nothing')
  open('new')
  t.same(closed, ['idle evicted'])
  t.equal(sessions.size, 3)
  t.end()
})

test('a message makes a session a recently used one', t => {
  const { closed, open } = registry()
  const first = open('first')
  open('second')
  open('third')
  first.receive(initialized)
  open('new')
  t.same(closed, ['second evicted'])
  t.end()
})

test('where none can give way the newcomer is refused', t => {
  const { sessions, closed, open } = registry({ maxSessions: 2 })
  listen(open('read'))
  open('other', 'sse')
  t.equal(sessions.hasRoom, false)
  t.throws(() => { sessions.assertRoom('new') }, { code: 'WEIR_ERR_TOO_MANY_SESSIONS', detail: /MAX_SESSIONS\)/, headers: { 'retry-after': String } })
  t.throws(() => open('new'), { code: 'WEIR_ERR_TOO_MANY_SESSIONS' })
  t.same(closed, [])
  t.end()
})

test('a client at its own cap loses its own session, and no other\'s', t => {
  const { clock, closed, open } = registry({ maxSessions: 10, maxSessionsPerClient: 2 })
  open('ben')
  const first = open('ada')
  open('ada')
  clock.now += 1_000
  first.receive(initialized)
  open('ada')
  t.same(closed, ['ada evicted'])
  t.equal(first.closeReason, undefined)
  listen(first)
  listen(open('ada'))
  t.throws(() => open('ada'), { code: 'WEIR_ERR_TOO_MANY_SESSIONS', detail: /MAX_SESSIONS_PER_CLIENT/ })
  t.end()
})

test('a session that is still being built gives way to nobody', async t => {
  const { open } = registry({ maxSessions: 1 })
  const first = open('first')
  let release = () => {}
  const connecting = first.connect(() => new Promise(resolve => { release = () => { resolve(fixtureServer()) } }))
  t.throws(() => open('second'), { code: 'WEIR_ERR_TOO_MANY_SESSIONS' })
  release()
  await connecting
  open('second')
  t.equal(first.closeReason, 'evicted')
})

test('a session is found by the transport that opened it', t => {
  const { sessions, open } = registry()
  const { sessionId } = open('ada')
  t.equal(sessions.get(sessionId, { id: 'ada' }, 'streamable')?.sessionId, sessionId)
  t.equal(sessions.get(sessionId, { id: 'ada' }, 'sse'), undefined)
  t.end()
})

test('those that nobody used for long enough fall asleep, each once', async t => {
  const { sessions, clock, open } = registry()
  for (const name of ['first', 'second']) {
    const session = open(name)
    await session.connect(() => fixtureServer())
    session.receive({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } } }, { reply: session.streams?.reply(new FakeResponse()) })
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(sessions.hibernate(), 0)
  clock.now = 11_500
  t.equal(sessions.hibernate(), 1)
  clock.now = 20_000
  t.equal(sessions.hibernate(), 1)
  t.equal(sessions.hibernate(), 0)
  t.same([sessions.asleep, sessions.size, sessions.waiting, sessions.keptBytes], [2, 2, 0, 0])
  const off = registry({ sessionHibernateSeconds: 0 })
  off.open('ada')
  off.clock.now = 1_000_000
  t.equal(off.sessions.hibernate(), 0)
})

test('a stream alone keeps no session', t => {
  const { sessions, clock, closed, open } = registry()
  listen(open('ada'))
  clock.now = 62_000
  t.equal(sessions.sweep(), 1)
  t.same(closed, ['ada idle'])
  t.end()
})
