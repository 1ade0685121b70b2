import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { test, type Test } from 'tap'
import { build, until, type Built } from '../helper.js'
import { Worker } from './actions.js'
import { Client } from './client.js'
import { Fixture } from './fixture-server.js'
import { Requests } from './requests.js'
import { bytesOf, KEYS } from './spec.js'
import { Storms } from './storms.js'
import { followTimers } from './timers.js'
import { Connection } from './wire.js'
import { World } from './world.js'

// A longer run, and another: `FUZZ_REQUESTS=500000 FUZZ_SEED=7 npx tap test/fuzz/fuzz.test.ts --timeout=3600`.
const seed = Number(process.env['FUZZ_SEED'] ?? 20_251_125)
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 20_000)
const WORKERS = 16

const gauges = ['mcp_sessions_active', 'mcp_clients_active', 'mcp_requests_waiting', 'mcp_stream_kept_bytes', 'mcp_stream_buffered_bytes', 'mcp_sessions_ending', 'mcp_sessions_hibernated']

void test(`${requests} requests, right and wrong, leave nothing behind (FUZZ_SEED=${seed})`, { timeout: 3_600_000 }, async t => {
  const timers = followTimers()
  t.teardown(() => { timers.restore() })
  const thrown = listenForThrown(t)
  const fixture = new Fixture()
  // As text: a hundred thousand parsed lines would be felt.
  const lines: string[] = []
  const built = await build(t, {
    fastify: { loggerInstance: pino({ level: 'debug' }, { write: (line: string) => { lines.push(line) } }) },
    createServer: fixture.create,
    apiKeys: [...KEYS],
    maxSessions: 50,
    maxSessionsPerClient: 40,
    streamBufferBytes: 65_536,
    bodyLimitBytes: 65_536,
    sessionHibernateSeconds: 0.2,
    sessionTimeoutSeconds: 1.5,
    cleanupIntervalSeconds: 0.25,
    heartbeatSeconds: 0.2
  })
  const { app, port } = built
  await warmUp(port)
  const before = { timers: timers.alive(), resources: resources() }

  const world = new World(port, seed)
  let asleep = 0
  const watch = setInterval(() => {
    world.watch()
    void gaugesOf(built).then(now => { asleep = Math.max(asleep, now['mcp_sessions_hibernated'] ?? 0) })
  }, 250)
  const startedAt = performance.now()
  const shared = new Requests(world)
  await Promise.all(Array.from({ length: WORKERS }, async () => { await new Worker(world, shared, new Client(world, shared)).run(requests) }))
  await untilFull(world, shared)
  const seconds = (performance.now() - startedAt) / 1_000

  await leave(world, shared)
  clearInterval(watch)
  await settled(() => app.mcp.sessions.size === 0 && fixture.alive.size === 0 && built.metrics().active_connections === 0 && timers.alive().length === before.timers.length)
  await settled(() => resources() === before.resources)
  const after = await gaugesOf(built)

  t.comment(`${world.sent} requests in ${seconds.toFixed(1)} s, ${world.issued.size} sessions, ${fixture.created} server instances`)
  t.comment(JSON.stringify(Object.fromEntries([...world.met].sort())))
  for (const failure of world.failures) t.comment(failure)
  t.equal(world.failures.length, 0, 'every answer was right')
  t.same(thrown, [], 'nothing was thrown that nobody caught, and Node warned of nothing')
  t.equal(app.mcp.sessions.size, 0, 'no session is left')
  t.equal(built.metrics().active_connections, 0, 'no connection is left')
  t.equal(fixture.alive.size, 0, 'no server instance is left')
  t.same(after, Object.fromEntries(gauges.map(name => [name, 0])), 'nothing waits, nothing is kept')
  t.same(timers.alive(), before.timers, 'no timer is left')
  t.equal(resources(), before.resources, 'no handle is left')
  t.same(lines.filter(line => idsIn(line).some(id => world.issued.has(id))).slice(0, 3), [], 'no session id is logged')
  // One that was stopped, or short, may not have come to all.
  if (world.failures.length > 0 || requests < 20_000) return
  t.ok(asleep > 0, 'sessions slept')
  for (const met of mustBeMet) t.ok([...world.met.keys()].some(key => met.test(key)), `it met ${met.source}`)
  for (const reason of ['client', 'disconnected', 'idle', 'evicted', 'slow-consumer', 'server']) t.ok(lines.some(line => line.includes(`"reason":"${reason}"`)), `a session ended as ${reason}`)
})

/** A fuzzer that never comes to these tests nothing. */
const mustBeMet = [
  ...[200, 202, 400, 401, 403, 404, 406, 413, 415, 503].map(status => new RegExp(`^POST /mcp ${status}$`)),
  ...[200, 204, 400, 401, 404, 406].map(status => new RegExp(`^GET /mcp ${status}$`)),
  ...[204, 404].map(status => new RegExp(`^DELETE /mcp ${status}$`)),
  ...[202, 400, 404].map(status => new RegExp(`^POST /messages ${status}$`)),
  /^stream POST \/mcp$/, /^stream GET \/mcp$/, /^stream GET \/sse$/, /^PUT \/mcp 405$/, /^broken POST \/mcp 431$/, /^cut$/, /^stall$/
]

function listenForThrown (t: Test): string[] {
  const thrown: string[] = []
  const note = (error: unknown) => { thrown.push(error instanceof Error ? String(error.stack) : String(error)) }
  process.on('uncaughtException', note).on('unhandledRejection', note).on('warning', note)
  t.teardown(() => { process.off('uncaughtException', note).off('unhandledRejection', note).off('warning', note) })
  return thrown
}

/** One request, so that what is made once is there. */
async function warmUp (port: number): Promise<void> {
  const connection = await Connection.open(port)
  await connection.send(Buffer.from('GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n'), 'GET').done
  connection.destroy()
  await pause(50)
}

/** On a machine that has much else to do, the crowds of the run may have been gone before anybody else came. */
async function untilFull (world: World, shared: Requests): Promise<void> {
  const storms = new Storms(world, shared, new Client(world, shared))
  if (requests < 20_000) return
  for (let times = 0; times < 20 && !world.met.has('POST /mcp 503'); times++) {
    const { step, random } = world.nextStep()
    await storms.crowd(step, random)
  }
}

/** Half of the sessions are ended by their owners, the rest by time. */
async function leave (world: World, shared: Requests): Promise<void> {
  // What was posted is answered to its end.
  const posted = () => [...world.pending].filter(({ spec, queued, paused }) => spec.method === 'POST' && !spec.broken && !queued && !paused)
  await settled(() => posted().length === 0)
  for (const { spec, exchange } of posted()) world.fail('It was never answered to its end', spec, exchange)
  world.disconnect()
  const { step, random } = world.nextStep()
  const connection = await Connection.open(world.port)
  for (const known of world.sessions.filter(({ kind }) => kind === 'streamable').filter((_, index) => index % 2 === 0)) {
    const spec = shared.delete(step, random, known)
    await connection.send(bytesOf(spec), 'DELETE').done
  }
  connection.destroy()
}

async function gaugesOf ({ app }: Built): Promise<Record<string, number>> {
  const all = await app.mcp.metrics.registry.getMetricsAsJSON()
  return Object.fromEntries(all.filter(({ name }) => gauges.includes(name)).map(({ name, values }) => [name, values[0]?.value ?? NaN]))
}

function resources (): string {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) if (name !== 'Immediate' && name !== 'Timeout') counts[name] = (counts[name] ?? 0) + 1
  return JSON.stringify(counts)
}

/** Waits for what should come to be; what does not is then asserted. */
async function settled (isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 12_000
  await until(() => isSo() || performance.now() > deadline)
}

function idsIn (line: string): string[] {
  return line.match(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g) ?? []
}
