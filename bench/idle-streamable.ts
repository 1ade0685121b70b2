import { HttpConnection } from './http-connection.js'
import { inLanes, sessionMemory } from './session-memory.js'
import { StreamableClient } from './streamable-client.js'
import type { Row } from './table.js'

/** A session of Streamable HTTP: initialized, no stream and no connection open, ten tools. */
export async function idleStreamable (): Promise<Row[]> {
  return await sessionMemory('Idle Streamable session', 'express-streamable', open)
}

async function open (port: number, count: number): Promise<() => Promise<void>> {
  const { lanes, made } = await inLanes(count, () => HttpConnection.open(port), connection => StreamableClient.initialized(connection))
  for (const connection of lanes) connection.close()
  return async () => {
    const connection = await HttpConnection.open(port)
    for (const client of made) await client.over(connection).delete()
    connection.close()
  }
}
