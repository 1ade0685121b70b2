import { setTimeout as delay } from 'node:timers/promises'
import { HttpConnection } from './http-connection.js'
import { ServerProcess } from './server-process.js'
import { inLanes } from './session-memory.js'
import { StreamableClient } from './streamable-client.js'
import { median, ms, type Row } from './table.js'

const SESSIONS = 50_000
const WARM_UP_SESSIONS = 1_000

/** Sessions that are woken again. */
const SAMPLE = 100

const HIBERNATE_SECONDS = 0.5
const CLEANUP_SECONDS = 0.1

/** Bytes. */
const GOAL = 2_048

/** Milliseconds in which the last sessions fall asleep, and their servers close. */
const PATIENCE_MS = 30_000
const POLL_MS = 100

/** What a session costs that has nothing to say and nobody to hear it. */
export async function hibernated (): Promise<Row[]> {
  await using server = await ServerProcess.start('weir', JSON.stringify({ sessionHibernateSeconds: HIBERNATE_SECONDS, cleanupIntervalSeconds: CLEANUP_SECONDS }))
  await warmUp(server)
  const before = await server.memory()
  const sessions = await open(server, SESSIONS)
  const after = await server.memory()
  const bytesEach = (after.heap - before.heap) / SESSIONS
  const residentEach = (after.rss - before.rss) / SESSIONS
  const instances = await server.instances()

  const woken: number[] = []
  const connection = await HttpConnection.open(server.port)
  for (let index = 0; index < SAMPLE; index++) {
    const started = performance.now()
    await sessions[Math.floor(index * SESSIONS / SAMPLE)]?.over(connection).echo(`woken ${index}`)
    woken.push(performance.now() - started)
  }
  connection.close()
  return [
    { what: `${SESSIONS.toLocaleString('en')} hibernated sessions: heap and external memory of each`, weir: `${bytesEach.toFixed(0)} bytes`, goal: `at most ${GOAL} bytes`, met: bytesEach <= GOAL },
    { what: '... resident memory of each', weir: `${residentEach.toFixed(0)} bytes` },
    { what: '... server instances that are left', weir: String(instances), goal: '0', met: instances === 0 },
    { what: `... ${SAMPLE} woken by a call: answered in`, weir: ms(median(woken)), goal: 'all right', met: woken.length === SAMPLE }
  ]
}

/** What is compiled and allocated once does not count: sessions that fell asleep, woke, and ended. */
async function warmUp (server: ServerProcess): Promise<void> {
  const sessions = await open(server, WARM_UP_SESSIONS)
  const connection = await HttpConnection.open(server.port)
  for (const session of sessions) {
    const client = session.over(connection)
    await client.echo('awake')
    await client.delete()
  }
  connection.close()
}

/** Opens so many, and waits until all are asleep. */
async function open (server: ServerProcess, count: number): Promise<StreamableClient[]> {
  const { lanes, made } = await inLanes(count, () => HttpConnection.open(server.port), async connection => await StreamableClient.initialized(connection))
  for (const connection of lanes) connection.close()
  for (let waited = 0; await asleep(server) !== count; waited += POLL_MS) {
    if (waited > PATIENCE_MS) throw new Error(`${await asleep(server)} of ${count} sessions hibernate`)
    await delay(POLL_MS)
  }
  return made
}

async function asleep (server: ServerProcess): Promise<number> {
  return (await server.metrics()).get('mcp_sessions_hibernated') ?? NaN
}
