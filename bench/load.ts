import { setImmediate as turn } from 'node:timers/promises'
import type { StreamableClient } from './streamable-client.js'

// All texts have one length, and so have all requests.
let calls = 1_000_000

/** Each client has one call in flight, for `ms`: calls per second. */
export async function callFor (clients: StreamableClient[], ms: number): Promise<number> {
  const started = performance.now()
  const first = calls
  let over = false
  const answered = Promise.all(clients.map(async client => {
    while (performance.now() - started < ms) await client.echo(`call ${calls++}`)
  })).finally(() => { over = true })
  await Promise.all([answered, stayAwake(() => over)])
  return (calls - first) * 1_000 / (performance.now() - started)
}

/** Does nothing, but without sleep: to wake this process would be the work of the server's core, and more often for a slower server. */
async function stayAwake (isOver: () => boolean): Promise<void> {
  while (!isOver()) await turn()
}

/**
 * Calls at an even pace, whatever the answers take: the milliseconds of each, smallest first, from the moment at which it
 * should have been sent. One that finds no client free waits, and its waiting counts.
 */
export async function callAtRate (clients: StreamableClient[], perSecond: number, ms: number): Promise<Float64Array> {
  const latencies = new Float64Array(Math.round(perSecond * ms / 1_000))
  const free = [...clients]
  const failures: unknown[] = []
  const started = performance.now()
  let sent = 0
  while ((sent < latencies.length || free.length < clients.length) && failures.length === 0) {
    while (sent < latencies.length && dueAt(sent) <= performance.now()) {
      const client = free.shift()
      if (client === undefined) break
      call(client, sent++).catch((error: unknown) => failures.push(error))
    }
    // A timer's millisecond holds several calls: the loop has a core to itself, and looks at the clock instead.
    await turn()
  }
  if (failures.length > 0) throw failures[0]
  return latencies.sort()

  function dueAt (index: number): number {
    return started + index * 1_000 / perSecond
  }

  async function call (client: StreamableClient, index: number): Promise<void> {
    await client.echo(`call ${calls++}`)
    latencies[index] = performance.now() - dueAt(index)
    free.push(client)
  }
}

/** The value under which a share of the sorted values is. */
export function percentile (sorted: Float64Array, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
}
