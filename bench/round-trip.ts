import { keepAlive, RawClient } from './raw-client.js'
import { ServerProcess } from './server-process.js'
import { median, spread, type Row } from './table.js'

const SESSIONS = 8
const WARM_UP_CALLS = 3_000
const CALLS = 2_000
const ROUNDS = 9

/** Of the baseline's CPU time. */
const GOAL = 0.45

interface Measured {
  server: ServerProcess
  clients: RawClient[]
  /** Microseconds of server CPU per call, one number a round. */
  perCall: number[]
}

/** What one `tools/call` over HTTP+SSE costs the server: CPU time of its process, user and system, per call. */
export async function roundTrip (): Promise<Row[]> {
  const agent = keepAlive()
  await using weir = await ServerProcess.start('weir')
  await using logging = await ServerProcess.start('weir', 'request-log')
  await using express = await ServerProcess.start('express')
  await using bare = await ServerProcess.start('bare')
  const measured = await Promise.all([weir, express, logging, bare].map(async (server): Promise<Measured> => ({ server, clients: await clientsOf(server), perCall: [] })))

  for (const { clients } of measured) await callAll(clients, WARM_UP_CALLS)
  for (let round = 0; round < ROUNDS; round++) {
    for (const { server, clients, perCall } of measured) {
      const before = await server.cpu()
      await callAll(clients, CALLS)
      perCall.push((await server.cpu() - before) / CALLS)
    }
  }
  for (const { clients } of measured) for (const client of clients) client.close()
  agent.destroy()

  const [ofWeir = [], ofExpress = [], ofLogging = [], ofBare = []] = measured.map(({ perCall }) => perCall)
  const baseline = median(ofExpress)
  const share = (values: number[]) => `${(100 * median(values) / baseline).toFixed(0)} %`
  return [
    { what: 'CPU of the server per call', weir: micros(ofWeir), express: micros(ofExpress) },
    { what: '... share of the baseline', weir: share(ofWeir), goal: `at most ${GOAL * 100} %`, met: median(ofWeir) <= GOAL * baseline },
    { what: '... smallest and largest of the rounds', weir: `${spread(ofWeir)} µs`, express: `${spread(ofExpress)} µs` },
    { what: '... with Fastify\'s two log lines a request', weir: `${micros(ofLogging)} = ${share(ofLogging)}` },
    { what: '... on bare node:http, the floor', weir: `${micros(ofBare)} = ${share(ofBare)}` }
  ]

  async function clientsOf ({ port }: ServerProcess): Promise<RawClient[]> {
    return await Promise.all(Array.from({ length: SESSIONS }, () => RawClient.initialized(port, agent)))
  }
}

/** Each client has one call in flight, until `calls` were made. */
async function callAll (clients: RawClient[], calls: number): Promise<void> {
  let made = 0
  await Promise.all(clients.map(async client => {
    while (made < calls) await client.echo(`call ${made++}`)
  }))
}

function micros (values: number[]): string {
  return `${median(values).toFixed(0)} µs`
}
