import { setTimeout as delay } from 'node:timers/promises'
import { keepAlive, RawClient } from './raw-client.js'
import { ServerProcess, type ServerName } from './server-process.js'
import type { Memory } from './servers/reports.js'
import { bytes, median, type Row } from './table.js'

/** Notifications of 64 KiB each: 200 MiB. */
const NOTIFICATIONS = 3_200

/** Few enough to fit in every buffer: the code is compiled and its garbage seen before anything is measured. */
const WARM_UP_NOTIFICATIONS = 8

/** `STREAM_BUFFER_BYTES` by default, and a few hundred kilobytes. */
const GOAL = 1_048_576 + 300 * 1_024

const ROUNDS = 3

/** Milliseconds in which the last notification finds its way, or none. */
const SETTLE_MS = 200

interface Held {
  peak: Memory
  /** What is still held after the tool has said all. */
  after: Memory
  closed: string
}

/** What a client costs that opens a session, asks for 200 MiB, and reads nothing of it. */
export async function slowReader (): Promise<Row[]> {
  const runs: Held[] = []
  for (let round = 0; round < ROUNDS; round++) runs.push(await held('weir', true))
  const most = median(runs.map(({ peak }) => peak.heap))
  const closed = runs.map(run => run.closed).join(', ')
  const withGarbage = await held('weir', false)
  // It lets go of nothing: what is held at the end is the most that was held.
  const express = await held('express', false)
  return [
    { what: 'Slow reader, 200 MiB: most that was held (heap and external)', weir: bytes(most), express: bytes(express.after.heap), goal: `at most ${bytes(GOAL)}`, met: most <= GOAL },
    { what: '... and at the end', weir: bytes(median(runs.map(({ after }) => after.heap))), express: bytes(express.after.heap) },
    { what: '... peak with garbage (heap and external)', weir: bytes(withGarbage.peak.heap), express: bytes(express.peak.heap) },
    { what: '... peak with garbage (resident)', weir: bytes(withGarbage.peak.rss), express: bytes(express.peak.rss) },
    { what: '... sessions closed as slow-consumer, in each run', weir: closed, express: '-', goal: '1 each', met: runs.every(run => run.closed === '1') }
  ]
}

/** All numbers are over what the process held before. With `collect` garbage is collected before each sample. */
async function held (name: ServerName, collect: boolean): Promise<Held> {
  await using server = await ServerProcess.start(name)
  const agent = keepAlive()
  const client = await RawClient.initialized(server.port, agent)
  await client.call('tools/call', { name: 'flood', arguments: { count: WARM_UP_NOTIFICATIONS } })
  const before = await server.memory()

  client.stopReading()
  await server.watch({ collect })
  await client.send('tools/call', { name: 'flood', arguments: { count: NOTIFICATIONS } })
  while (!await server.flooded()) await delay(20)
  await delay(SETTLE_MS)
  const peak = await server.peak()
  const after = await server.memory()
  const closed = name === 'weir' ? String((await server.metrics()).get('mcp_sessions_closed_total{reason="slow-consumer"}')) : '-'
  client.close()
  agent.destroy()
  return { peak: over(peak, before), after: over(after, before), closed }
}

function over (memory: Memory, before: Memory): Memory {
  return { rss: memory.rss - before.rss, heap: memory.heap - before.heap }
}
