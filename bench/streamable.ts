import { randomUUID } from 'node:crypto'
import { calmHalf, watch, type Watched } from './calm.js'
import { Cores } from './cores.js'
import { HttpConnection } from './http-connection.js'
import { callAtRate, callFor, percentile } from './load.js'
import { ServerProcess } from './server-process.js'
import { StreamableClient } from './streamable-client.js'
import { median, ms, type Row } from './table.js'

const CONNECTIONS = 32

/** A server with much code takes some seconds until all of it is compiled. */
const WARM_UP_MS = 4_000
const RUN_MS = 500
const ROUNDS = 11
const LATENCY_ROUNDS = 12
const LATENCY_MS = 750

/** Of what HTTP and the SDK can reach together. */
const SHARE_GOAL = 0.8
const EXPRESS_GOAL = 6
const FASTIFY_GOAL = 4

/** p99, in medians. */
const TAIL_GOAL = 5

interface Contestant {
  server: ServerProcess
  clients: StreamableClient[]
  /** Calls for `RUN_MS`, and says how many a second. */
  run: () => Promise<number>
  rounds: Watched<number>[]
}

/** The medians of the calm rounds. */
interface Speed {
  perSecond: number
  /** Microseconds of server CPU per call. */
  cpu: number
}

/** `tools/call` over Streamable HTTP: how many a second, beside what HTTP and the SDK allow, and how long one takes. */
export async function streamable (): Promise<Row[]> {
  await using weirServer = await ServerProcess.start('weir')
  await using expressServer = await ServerProcess.start('express-streamable')
  await using fastifyServer = await ServerProcess.start('fastify-streamable')
  await using directServer = await ServerProcess.start('direct')
  await using echoServer = await ServerProcess.start('echo')
  await using memoryServer = await ServerProcess.start('in-memory')
  using cores = new Cores([weirServer, expressServer, fastifyServer, directServer, echoServer, memoryServer].map(({ pid }) => pid))

  const overWeir = await overHttp(weirServer)
  const overEcho = await overHttp(echoServer, randomUUID())
  const contestants = [overWeir, await overHttp(expressServer), await overHttp(fastifyServer), await overHttp(directServer), overEcho]
  const [weir, express, fastify, direct, echo, memory] = await measure([...contestants, { server: memoryServer, clients: [], run: () => memoryServer.run(), rounds: [] }])
  if (!weir || !express || !fastify || !direct || !echo || !memory) throw new Error('nothing was measured')

  // Together they cost what both cost.
  const ceiling: Speed = { perSecond: 1 / (1 / echo.perSecond + 1 / memory.perSecond), cpu: echo.cpu + memory.cpu }
  const rate = weir.perSecond / 2
  const [ofWeir, ofEcho] = await latencies(overWeir, overEcho, rate)
  const apart = cores.apart ? '' : ' (not on cores of their own)'
  return [
    { what: `tools/call over ${CONNECTIONS} connections${apart}`, weir: speed(weir), express: speed(express) },
    { what: '... Weir in times of the baseline', weir: times(weir, express), goal: `at least ${EXPRESS_GOAL}`, met: weir.perSecond >= EXPRESS_GOAL * express.perSecond },
    { what: '... Fastify + SDK transport', weir: speed(fastify) },
    { what: '... Weir in times of that', weir: times(weir, fastify), goal: `at least ${FASTIFY_GOAL}`, met: weir.perSecond >= FASTIFY_GOAL * fastify.perSecond },
    { what: '... Fastify alone, the same bytes (F)', weir: speed(echo) },
    { what: '... the same MCP server without HTTP (S)', weir: speed(memory) },
    { what: '... Weir\'s share of 1/(1/F + 1/S)', weir: share(weir, ceiling), goal: `at least ${100 * SHARE_GOAL} %`, met: weir.perSecond >= SHARE_GOAL * ceiling.perSecond },
    { what: '... the same MCP server on Fastify with nothing around it, the floor', weir: speed(direct) },
    { what: '... its share of 1/(1/F + 1/S)', weir: share(direct, ceiling) },
    { what: `... latency at ${rate.toFixed(0)} a second: median, p99`, weir: `${ms(ofWeir.median)}, ${ms(ofWeir.p99)}` },
    { what: '... p99 in medians', weir: ofWeir.tail.toFixed(1), goal: `at most ${TAIL_GOAL}`, met: ofWeir.tail <= TAIL_GOAL },
    { what: '... the same of Fastify alone', weir: `${ms(ofEcho.median)}, ${ms(ofEcho.p99)} = ${ofEcho.tail.toFixed(1)}` },
    { what: '... of a core, what the rest of the machine took meanwhile', weir: `${(100 * ofWeir.others).toFixed(0)} %` }
  ]
}

/** In turns. */
async function measure (contestants: Contestant[]): Promise<Speed[]> {
  for (const { run } of contestants) for (let warmUp = 0; warmUp < WARM_UP_MS; warmUp += RUN_MS) await run()
  for (let round = 0; round < ROUNDS; round++) {
    for (const { server, run, rounds } of contestants) rounds.push(await watch(server, run))
  }
  return contestants.map(({ rounds }) => {
    const calm = calmHalf(rounds)
    return {
      perSecond: median(calm.map(({ result }) => result)),
      cpu: median(calm.map(({ result, ms, cpu }) => cpu * 1_000 / (result * ms)))
    }
  })
}

/** With a session id the sessions are not opened: nobody looks for them. */
async function overHttp (server: ServerProcess, sessionId?: string): Promise<Contestant> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const connection = await HttpConnection.open(server.port)
    return sessionId === undefined ? await StreamableClient.initialized(connection) : new StreamableClient(connection, sessionId)
  }))
  return { server, clients, run: () => callFor(clients, RUN_MS), rounds: [] }
}

interface Latency {
  /** Milliseconds. */
  median: number
  p99: number
  /** p99, in medians. */
  tail: number
  /** How much of a core the rest of the machine took. */
  others: number
}

type LatencyRound = Watched<Omit<Latency, 'others'>>

/** In turns, the medians of the calm rounds. */
async function latencies (weir: Contestant, echo: Contestant, perSecond: number): Promise<[Latency, Latency]> {
  const ofWeir: LatencyRound[] = []
  const ofEcho: LatencyRound[] = []
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    ofWeir.push(await watch(weir.server, () => latency(weir, perSecond)))
    ofEcho.push(await watch(echo.server, () => latency(echo, perSecond)))
  }
  return [middle(ofWeir), middle(ofEcho)]
}

async function latency ({ clients }: Contestant, perSecond: number): Promise<Omit<Latency, 'others'>> {
  const sorted = await callAtRate(clients, perSecond, LATENCY_MS)
  const [half, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)]
  return { median: half, p99, tail: p99 / half }
}

function middle (rounds: LatencyRound[]): Latency {
  const calm = calmHalf(rounds)
  const of = (key: keyof LatencyRound['result']) => median(calm.map(({ result }) => result[key]))
  return { median: of('median'), p99: of('p99'), tail: of('tail'), others: median(calm.map(({ others, ms }) => others / ms)) }
}

function speed ({ perSecond, cpu }: Speed): string {
  return `${perSecond.toFixed(0)}/s, ${cpu.toFixed(0)} µs CPU`
}

function times (one: Speed, other: Speed): string {
  return `${(one.perSecond / other.perSecond).toFixed(1)}, by CPU ${(other.cpu / one.cpu).toFixed(1)}`
}

function share (one: Speed, ceiling: Speed): string {
  return `${(100 * one.perSecond / ceiling.perSecond).toFixed(0)} %, by CPU ${(100 * ceiling.cpu / one.cpu).toFixed(0)} %`
}
