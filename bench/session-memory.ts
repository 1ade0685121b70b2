import { setTimeout as delay } from 'node:timers/promises'
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

/** Opens so many sessions, and says how they are ended. */
export type OpenSessions = (port: number, count: number) => Promise<() => Promise<void>>

/** What a session holds of the server's memory while nothing is said, beside one of the baseline. */
export async function sessionMemory (what: string, baseline: ServerName, open: OpenSessions): Promise<Row[]> {
  const weir: Memory[] = []
  const express: Memory[] = []
  for (let round = 0; round < ROUNDS; round++) {
    weir.push(await perSession('weir', open))
    express.push(await perSession(baseline, open))
  }
  return [row(`${what}: heap and external memory`, 'heap', weir, express), row(`${what}: resident memory`, 'rss', weir, express)]
}

function row (what: string, key: keyof Memory, weir: Memory[], express: Memory[]): Row {
  const [ofWeir, ofExpress] = [weir, express].map(runs => median(runs.map(run => run[key])))
  if (ofWeir === undefined || ofExpress === undefined) throw new Error('nothing was measured')
  return { what, weir: bytes(ofWeir), express: bytes(ofExpress), goal: 'less than the baseline', met: ofWeir < ofExpress }
}

/** A new process each time: what one run left behind would count for the next. */
async function perSession (name: ServerName, open: OpenSessions): Promise<Memory> {
  await using server = await ServerProcess.start(name)
  const endWarmUp = await open(server.port, WARM_UP_SESSIONS)
  await endWarmUp()
  await delay(SETTLE_MS)
  const before = await server.memory()
  const end = await open(server.port, SESSIONS)
  await delay(SETTLE_MS)
  const after = await server.memory()
  await end()
  return { rss: (after.rss - before.rss) / SESSIONS, heap: (after.heap - before.heap) / SESSIONS }
}

/** Makes so many of something, some of them at the same time: each lane makes one after the other. */
export async function inLanes<Lane, Made> (count: number, openLane: () => Promise<Lane>, make: (lane: Lane) => Promise<Made>): Promise<{ lanes: Lane[], made: Made[] }> {
  const made: Made[] = []
  let left = count
  const lanes = await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    const lane = await openLane()
    while (left-- > 0) made.push(await make(lane))
    return lane
  }))
  return { lanes, made }
}
