import { keepAlive, RawClient } from './raw-client.js'
import { inLanes, sessionMemory } from './session-memory.js'
import type { Row } from './table.js'

/** A session of HTTP+SSE: initialized, its stream open, ten tools. */
export async function idleMemory (): Promise<Row[]> {
  return await sessionMemory('Idle session', 'express', open)
}

async function open (port: number, count: number): Promise<() => Promise<void>> {
  const agent = keepAlive()
  const { made } = await inLanes(count, async () => agent, () => RawClient.initialized(port, agent))
  // The connections of their requests are not the sessions'.
  agent.destroy()
  return async () => { for (const client of made) client.close() }
}
