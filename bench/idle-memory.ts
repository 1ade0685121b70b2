import { setTimeout as delay } from 'node:timers/promises'
import { keepAlive, RawClient } from './raw-client.js'
import { ServerProcess, type ServerName } from './server-process.js'
import type { Memory } from './servers/reports.js'
import { bytes, median, type Row } from './table.js'

const SESSIONS = 1_000
const WARM_UP_SESSIONS = 100
const ROUNDS = 3

/** Sessions that are opened at the same time. */
const AT_ONCE = 20

/** Milliseconds in which a server notices that connections have ended. */
const SETTLE_MS = 300

/** What a session holds of the server's memory while nothing is said: initialized, its stream open, ten tools. */
export async function idleMemory (): Promise<Row[]> {
  const weir: Memory[] = []
  const express: Memory[] = []
  for (let round = 0; round < ROUNDS; round++) {
    weir.push(await perSession('weir'))
    express.push(await perSession('express'))
  }
  return [row('heap', weir, express), row('rss', weir, express)]
}

function row (key: keyof Memory, weir: Memory[], express: Memory[]): Row {
  const [ofWeir, ofExpress] = [weir, express].map(runs => median(runs.map(run => run[key])))
  if (ofWeir === undefined || ofExpress === undefined) throw new Error('nothing was measured')
  const what = key === 'heap' ? 'Idle session: heap and external memory' : 'Idle session: resident memory'
  return { what, weir: bytes(ofWeir), express: bytes(ofExpress), goal: 'less than the baseline', met: ofWeir < ofExpress }
}

/** A new process each time: what one run left behind would count for the next. */
async function perSession (name: ServerName): Promise<Memory> {
  await using server = await ServerProcess.start(name)
  for (const client of await open(server, WARM_UP_SESSIONS)) client.close()
  await delay(SETTLE_MS)
  const before = await server.memory()
  const clients = await open(server, SESSIONS)
  await delay(SETTLE_MS)
  const after = await server.memory()
  for (const client of clients) client.close()
  return { rss: (after.rss - before.rss) / SESSIONS, heap: (after.heap - before.heap) / SESSIONS }
}

async function open ({ port }: ServerProcess, count: number): Promise<RawClient[]> {
  const agent = keepAlive()
  const clients: RawClient[] = []
  let left = count
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) clients.push(await RawClient.initialized(port, agent))
  }))
  // The connections of their requests are not the sessions'.
  agent.destroy()
  return clients
}
