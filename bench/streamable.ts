import { randomUUID } from 'node:crypto'
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
const LATENCY_ROUNDS = 11
const LATENCY_MS = 800

/** Of what HTTP and the SDK can reach together. */
const SHARE_GOAL = 0.8
const EXPRESS_GOAL = 6
const FASTIFY_GOAL = 4

/** p99, in medians. */
const TAIL_GOAL = 5

interface Measured {
  /** Calls for `RUN_MS`, and says how many a second. */
  run: () => Promise<number>
  server: ServerProcess
  clients: StreamableClient[]
  /** Calls per second, one number a round. */
  perSecond: number[]
  /** Microseconds of server CPU per call, one number a round. */
  cpu: number[]
}

/** `tools/call` over Streamable HTTP: how many a second, beside what HTTP and the SDK allow, and how long one takes. */
export async function streamable (): Promise<Row[]> {
  await using weirServer = await ServerProcess.start('weir')
  await using expressServer = await ServerProcess.start('express-streamable')
  await using fastifyServer = await ServerProcess.start('fastify-streamable')
  await using directServer = await ServerProcess.start('direct')
  await using echoServer = await ServerProcess.start('echo')
  await using memoryServer = await ServerProcess.start('in-memory')
  const servers = [weirServer, expressServer, fastifyServer, directServer, echoServer, memoryServer]
  using cores = new Cores(servers.map(({ pid }) => pid))

  const weir = await overHttp(weirServer)
  const express = await overHttp(expressServer)
  const fastify = await overHttp(fastifyServer)
  const direct = await overHttp(directServer)
  const echo = await overHttp(echoServer, randomUUID())
  const memory: Measured = { server: memoryServer, clients: [], perSecond: [], cpu: [], run: () => memoryServer.run() }
  await measure([weir, express, fastify, direct, echo, memory])

  const ceiling = echo.perSecond.map((http, round) => 1 / (1 / http + 1 / (memory.perSecond[round] ?? NaN)))
  const share = median(ratios(weir.perSecond, ceiling))
  const cpuShare = median(echo.cpu.map((http, round) => (http + (memory.cpu[round] ?? NaN)) / (weir.cpu[round] ?? NaN)))
  const timesExpress = median(ratios(weir.perSecond, express.perSecond))
  const timesFastify = median(ratios(weir.perSecond, fastify.perSecond))
  const rate = median(weir.perSecond) / 2
  const [ofWeir, ofEcho] = await latencies([weir, echo], rate)
  return [
    { what: `tools/call over ${CONNECTIONS} connections, a second${cores.apart ? '' : ' (not on cores of their own)'}`, weir: whole(weir.perSecond), express: whole(express.perSecond), goal: `at least ${EXPRESS_GOAL} times the baseline`, met: timesExpress >= EXPRESS_GOAL },
    { what: '... times the baseline', weir: timesExpress.toFixed(1) },
    { what: '... CPU of the server per call', weir: `${whole(weir.cpu)} µs`, express: `${whole(express.cpu)} µs` },
    { what: '... Fastify + SDK transport', weir: `${whole(fastify.perSecond)}, ${whole(fastify.cpu)} µs` },
    { what: '... Weir in times of that', weir: timesFastify.toFixed(1), goal: `at least ${FASTIFY_GOAL}`, met: timesFastify >= FASTIFY_GOAL },
    { what: '... Fastify alone, the same bytes (F)', weir: `${whole(echo.perSecond)}, ${whole(echo.cpu)} µs` },
    { what: '... the same MCP server without HTTP (S)', weir: `${whole(memory.perSecond)}, ${whole(memory.cpu)} µs` },
    { what: '... Weir\'s share of 1/(1/F + 1/S)', weir: percent(share), goal: `at least ${percent(SHARE_GOAL)}`, met: share >= SHARE_GOAL },
    { what: '... the same share by CPU time', weir: percent(cpuShare) },
    { what: '... the same MCP server on Fastify with nothing around it, the floor', weir: `${whole(direct.perSecond)}, ${whole(direct.cpu)} µs = ${percent(median(ratios(direct.perSecond, ceiling)))}` },
    { what: `... latency at ${rate.toFixed(0)} a second: median, p99`, weir: `${ms(ofWeir.median)}, ${ms(ofWeir.p99)}` },
    { what: '... p99 in medians', weir: (ofWeir.tail).toFixed(1), goal: `at most ${TAIL_GOAL}`, met: ofWeir.tail <= TAIL_GOAL },
    { what: '... the same of Fastify alone', weir: `${ms(ofEcho.median)}, ${ms(ofEcho.p99)} = ${ofEcho.tail.toFixed(1)}` }
  ]
}

async function measure (measured: Measured[]): Promise<void> {
  for (const { run } of measured) for (let ms = 0; ms < WARM_UP_MS; ms += RUN_MS) await run()
  for (let round = 0; round < ROUNDS; round++) {
    for (const { server, run, perSecond, cpu } of measured) {
      const before = await server.cpu()
      const started = performance.now()
      const speed = await run()
      const calls = speed * (performance.now() - started) / 1_000
      perSecond.push(speed)
      cpu.push((await server.cpu() - before) / calls)
    }
  }
}

/** With a session id the sessions are not opened: nobody looks for them. */
async function overHttp (server: ServerProcess, sessionId?: string): Promise<Measured> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const connection = await HttpConnection.open(server.port)
    return sessionId === undefined ? await StreamableClient.initialized(connection) : new StreamableClient(connection, sessionId)
  }))
  return { server, clients, perSecond: [], cpu: [], run: () => callFor(clients, RUN_MS) }
}

interface Latency {
  /** Milliseconds. */
  median: number
  p99: number
  /** p99, in medians. */
  tail: number
}

/** In turns, the median of the rounds. */
async function latencies ([weir, echo]: [Measured, Measured], perSecond: number): Promise<[Latency, Latency]> {
  const ofWeir: Latency[] = []
  const ofEcho: Latency[] = []
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    ofWeir.push(await latency(weir, perSecond))
    ofEcho.push(await latency(echo, perSecond))
  }
  return [middle(ofWeir), middle(ofEcho)]
}

async function latency ({ clients }: Measured, perSecond: number): Promise<Latency> {
  const sorted = await callAtRate(clients, perSecond, LATENCY_MS)
  const [half, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)]
  return { median: half, p99, tail: p99 / half }
}

function middle (rounds: Latency[]): Latency {
  const of = (key: keyof Latency) => median(rounds.map(round => round[key]))
  return { median: of('median'), p99: of('p99'), tail: of('tail') }
}

function ratios (values: number[], others: number[]): number[] {
  return values.map((value, round) => value / (others[round] ?? NaN))
}

function whole (values: number[]): string {
  return median(values).toFixed(0)
}

function percent (share: number): string {
  return `${(100 * share).toFixed(0)} %`
}
