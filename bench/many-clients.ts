import { execSync } from 'node:child_process'
import { keepAlive, RawClient } from './raw-client.js'
import { ServerProcess, type ServerName } from './server-process.js'
import { median, ms, type Row } from './table.js'

const CLIENTS = 1_000
const ROUNDS = 3

/** Connections for the clients' requests, all together. */
const REQUEST_SOCKETS = 100

interface Served {
  ms: number[]
  answered: number
  errors: Map<string, number>
}

/** A thousand clients at the same moment: each connects, initializes, and calls a tool. */
export async function manyClients (): Promise<Row[]> {
  const weir: Served = { ms: [], answered: 0, errors: new Map() }
  const express: Served = { ms: [], answered: 0, errors: new Map() }
  for (let round = 0; round < ROUNDS; round++) {
    await serve('weir', weir)
    await serve('express', express)
  }
  const expected = CLIENTS * ROUNDS
  return [
    { what: `${CLIENTS} clients at once: connected and answered in`, weir: ms(median(weir.ms)), express: ms(median(express.ms)) },
    { what: `... answered, of ${expected}`, weir: String(weir.answered), express: String(express.answered), goal: 'all', met: weir.answered === expected },
    { what: `... errors (open files allowed: ${openFiles()})`, weir: errorsOf(weir), express: errorsOf(express), goal: '0', met: weir.errors.size === 0 }
  ]
}

async function serve (name: ServerName, served: Served): Promise<void> {
  await using server = await ServerProcess.start(name)
  const agent = keepAlive(REQUEST_SOCKETS)
  const clients: RawClient[] = []
  const started = performance.now()
  await Promise.all(Array.from({ length: CLIENTS }, async (_, index) => {
    try {
      const client = await RawClient.initialized(server.port, agent)
      clients.push(client)
      await client.echo(`client ${index}`)
      served.answered++
    } catch (error) {
      const { message } = error as Error
      served.errors.set(message, (served.errors.get(message) ?? 0) + 1)
    }
  }))
  served.ms.push(performance.now() - started)
  for (const client of clients) client.close()
  agent.destroy()
}

function errorsOf ({ errors }: Served): string {
  return errors.size === 0 ? '0' : [...errors].map(([message, count]) => `${count} ${message}`).join(', ')
}

function openFiles (): string {
  return execSync('ulimit -n', { encoding: 'utf8' }).trim()
}
