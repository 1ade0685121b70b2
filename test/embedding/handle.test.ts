// What the host holds of an endpoint: `app.mcp`.
import { test } from 'tap'
import { build, fixtureServer, nothingLeft, RawClient, until } from '../helper.js'
import { gate, opened, reasonsOf, WireClient } from '../streamable-client.js'

const keys = { ada: 'key of ada', eve: 'key of eve' }
const authenticate = ({ headers }: { headers: Record<string, unknown> }) => typeof headers['x-user'] === 'string' ? { id: headers['x-user'] } : null
const as = (user: string) => ({ 'x-user': user })

test('list tells of every session, and of none its id', async t => {
  const { held, open } = gate()
  const built = await build(t, { authenticate, createServer: () => fixtureServer({ wait: held }) })
  const { sessions } = built.app.mcp
  t.same(sessions.list(), [])
  const before = Date.now()

  const sse = await RawClient.session(built.url, as('ada'))
  t.match(sessions.list(), [{ owner: 'ada', transport: 'sse', protocolVersion: undefined, clientInfo: undefined, requestsInFlight: 0, hibernated: false }], 'before its client has said anything')
  await sse.initialize()
  const streamable = await new WireClient(`${built.url}/mcp`, undefined, as('eve')).open()
  const waiting = streamable.call('wait')
  await until(() => sessions.list().some(({ requestsInFlight }) => requestsInFlight === 1))

  t.equal(sessions.size, 2)
  t.match(sessions.list(), [
    { owner: 'ada', transport: 'sse', protocolVersion: '2024-11-05', clientInfo: { name: 'raw', version: '1' }, requestsInFlight: 0, hibernated: false },
    { owner: 'eve', transport: 'streamable', protocolVersion: '2025-11-25', clientInfo: { name: 'wire', version: '1' }, requestsInFlight: 1, hibernated: false }
  ], 'those first that were used longest ago')
  for (const { createdAt, idleSeconds, hash } of sessions.list()) {
    t.ok(createdAt.getTime() >= before && createdAt.getTime() <= Date.now())
    t.ok(idleSeconds >= 0 && idleSeconds < 100, 'in seconds')
    t.ok(built.lines.some(({ msg, session }) => msg === 'session opened' && session === hash), 'the name that the log has for it')
  }
  t.notMatch(JSON.stringify(sessions.list()), new RegExp(`${sse.sessionId}|${streamable.sessionId}`))

  open()
  await (await waiting).ended
  sse.close()
  await streamable.delete()
  await until(() => sessions.size === 0)
  t.same(sessions.list(), [])
})

test('list says that a session sleeps', async t => {
  const [{ app }, client] = await opened(t, { sessionHibernateSeconds: 0.05 })
  await until(() => app.mcp.sessions.list()[0]?.hibernated === true)
  t.ok((app.mcp.sessions.list()[0]?.idleSeconds ?? 0) >= 0.05)
  await client.listen()
  await until(() => app.mcp.sessions.list()[0]?.hibernated === false)
})

test('closeByOwner ends the sessions of one principal, whose requests in flight are answered, and of no other', async t => {
  const { held, open } = gate()
  const closed: string[] = []
  const built = await build(t, { authenticate, createServer: ({ principal }) => fixtureServer({ wait: held, onclose: () => { closed.push(principal.id) } }) })
  const { sessions } = built.app.mcp
  const [sse, other] = [await RawClient.session(built.url, as('ada')), await RawClient.session(built.url, as('eve'))]
  await sse.initialize()
  await other.initialize()
  const streamable = await new WireClient(`${built.url}/mcp`, undefined, as('ada')).open()
  const standing = await streamable.listen()
  const waiting = streamable.call('wait')
  await sse.post(JSON.stringify({ jsonrpc: '2.0', id: 'mine', method: 'tools/call', params: { name: 'wait', arguments: {} } }))
  await until(() => sessions.list().filter(({ requestsInFlight }) => requestsInFlight === 1).length === 2)

  t.equal(await sessions.closeByOwner('ada'), 2)
  t.same(closed, ['ada', 'ada'], 'when it says so, their servers have closed')
  t.match(await (await waiting).answer(), { error: { code: -32603, message: /session ended.*host/ } })
  t.match(JSON.parse((await sse.next()).data), { id: 'mine', error: { code: -32603, message: /session ended.*host/ } })
  await Promise.all([sse.ended, standing.ended])
  t.same(reasonsOf(built), ['host', 'host'])
  t.equal((await streamable.call('echo', { text: 'x' })).status, 404)
  t.match(sessions.list(), [{ owner: 'eve' }])
  t.match(await other.callTool(1, 'echo', { text: 'still here' }), { result: { content: [{ text: 'still here' }] } })
  t.match(await built.app.mcp.metrics.registry.metrics(), 'mcp_sessions_closed_total{reason="host"} 2')

  t.equal(await sessions.closeByOwner('ada'), 0, 'a second time there is none')
  t.equal(await sessions.closeByOwner('nobody'), 0)
  other.close()
  await until(() => sessions.size === 0)
  open()
  nothingLeft(t, built)
})

test('closeByOwner does not fail with a server that can\'t close', async t => {
  const built = await build(t, {
    authenticate,
    createServer: () => Object.assign(fixtureServer(), { close: () => Promise.reject(new Error('stuck')) })
  })
  await new WireClient(`${built.url}/mcp`, undefined, as('ada')).open()
  t.equal(await built.app.mcp.sessions.closeByOwner('ada'), 1)
  t.match(built.lines.filter(({ msg }) => msg === 'server failed'), [{ err: { message: 'stuck' } }])
})

test('the principals of keys and of nobody are owners too', async t => {
  const built = await build(t, { apiKeys: Object.values(keys), apiKeyRequired: false })
  const { sessions } = built.app.mcp
  for (const headers of [{ 'x-api-key': keys.ada }, { 'x-api-key': keys.eve }, {}] as Record<string, string>[]) await new WireClient(`${built.url}/mcp`, undefined, headers).open()
  const owners = sessions.list().map(({ owner }) => owner)
  t.match(owners, [/^key-/, /^key-/, 'anonymous'])
  t.equal(await sessions.closeByOwner(owners[0] ?? ''), 1)
  t.equal(await sessions.closeByOwner('anonymous'), 1)
  t.same(sessions.list().map(({ owner }) => owner), [owners[1]])
})

test('drain lets requests in flight come to their end, ends the rest, and may be called twice', async t => {
  const { held, open } = gate()
  const [built, client] = await opened(t, { createServer: () => fixtureServer({ wait: held }), drainTimeoutSeconds: 60, host: app => { app.get('/own', async () => 'own') } })
  const idle = await RawClient.session(built.url)
  const waiting = client.call('wait')
  await until(() => built.app.mcp.sessions.list().some(({ requestsInFlight }) => requestsInFlight === 1))
  const [first, second] = [built.app.mcp.drain(), built.app.mcp.drain()]
  await idle.ended
  t.match(await (await fetch(`${built.url}/health/ready`)).json(), { status: 'draining' })
  t.equal((await new WireClient(client.url).initialize()).status, 503)
  t.equal(await (await fetch(`${built.url}/own`)).text(), 'own', 'the host goes on')
  open('finished')
  t.match(await (await waiting).answer(), { result: { content: [{ text: 'finished' }] } })
  await Promise.all([first, second])
  t.same(reasonsOf(built), ['shutdown', 'shutdown'])
  t.equal(built.app.mcp.sessions.size, 0)
})

test('metrics are the numbers of GET /metrics', async t => {
  const [built] = await opened(t)
  const { metrics } = await (await fetch(`${built.url}/metrics`)).json() as { metrics: object }
  t.match(built.metrics(), { ...metrics, uptime_seconds: Number })
  t.match(await built.app.mcp.metrics.registry.metrics(), /^mcp_sessions_active 1$/m)
})
