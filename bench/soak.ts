import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ServerProcess } from './server-process.js'
import type { Memory } from './servers/reports.js'
import { sseLife, streamableLife } from './soak/lives.js'
import { deeds, World } from './soak/world.js'
import { bytes, machine, median } from './table.js'

// node --import tsx bench/soak.ts [--minutes N] [--clients N], after a build. Ends with 1 if something is not as it should be.
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '2' }, clients: { type: 'string', default: '1000' } } })
const minutes = bounded('minutes', 0.5, 1_440)
const clients = bounded('clients', 1, 5_000)

const SESSION_TIMEOUT_SECONDS = 8
const HIBERNATE_SECONDS = 1.5
const CLEANUP_SECONDS = 0.5
const HEARTBEAT_SECONDS = 1
const SAMPLE_SECONDS = 10

/** Of the clients, in per cent: the others use `/mcp`. */
const SSE_SHARE = 25

/** Of the memory, from the second third of the time to the last. */
const GROWTH_LIMIT = 0.1

/** Seconds until everything that was left must be gone: idle time, two cleanups, and what a slow machine needs. */
const SETTLE_SECONDS = SESSION_TIMEOUT_SECONDS + 2 * CLEANUP_SECONDS + 15

console.log(`${machine()}\n\n${clients} clients for ${minutes} minutes`)
await using server = await ServerProcess.start('weir', JSON.stringify({
  sessionTimeoutSeconds: SESSION_TIMEOUT_SECONDS,
  sessionHibernateSeconds: HIBERNATE_SECONDS,
  cleanupIntervalSeconds: CLEANUP_SECONDS,
  heartbeatSeconds: HEARTBEAT_SECONDS
}))
const world = new World(server.port)
const samples: Memory[] = []
const started = performance.now()

// Whether a session may fall asleep is looked at as often as one may.
const ages = {
  hibernatedMs: (2 * HIBERNATE_SECONDS + 1) * 1_000,
  mayExpireMs: SESSION_TIMEOUT_SECONDS * 1_000,
  expiredMs: (SESSION_TIMEOUT_SECONDS + CLEANUP_SECONDS + 2) * 1_000
}
const overMcp = streamableLife(ages)
const overSse = sseLife(ages)
const lives = Array.from({ length: clients }, async (_, index) => { await world.live(index % 100 < SSE_SHARE ? overSse : overMcp) })
for (let second = SAMPLE_SECONDS; second <= minutes * 60; second += SAMPLE_SECONDS) {
  await delay(started + second * 1_000 - performance.now())
  await sample(second)
}
world.end()
await Promise.all(lives)

const passed = [...memoryVerdicts(), ...answerVerdicts(), ...await counterVerdicts()]
process.exitCode = passed.every(Boolean) ? 0 : 1

async function sample (second: number): Promise<void> {
  const memory = await server.memory()
  samples.push(memory)
  const numbers = await server.metrics()
  const of = (name: string) => numbers.get(name) ?? NaN
  console.log([
    `${second} s`.padStart(6),
    `heap ${bytes(memory.heap)}, resident ${bytes(memory.rss)}`,
    `sessions ${of('mcp_sessions_active')}, hibernated ${of('mcp_sessions_hibernated')}, streams ${of('mcp_connections_active')}`,
    deeds.map(deed => `${deed} ${world.done[deed]}`).join(', '),
    `wrong ${[...world.wrong.values()].reduce((sum, count) => sum + count, 0)}`
  ].join(' | '))
}

function memoryVerdicts (): boolean[] {
  const third = Math.floor(samples.length / 3)
  const growth = (key: keyof Memory) => median(samples.slice(-third).map(memory => memory[key])) / median(samples.slice(third, 2 * third).map(memory => memory[key])) - 1
  return (['heap', 'rss'] as const).map(key => verdict(`${key} grew by ${(100 * growth(key)).toFixed(1)} % from the second third of the time to the last`, growth(key) < GROWTH_LIMIT))
}

function answerVerdicts (): boolean[] {
  for (const [what, count] of world.wrong) console.log(`  ${count} times: ${what}`)
  return [
    verdict(`${world.done.answered} answers arrived, each the right one`, world.done.answered > 0 && world.wrong.size === 0),
    ...deeds.map(deed => verdict(`${deed}: ${world.done[deed]}`, world.done[deed] > 0))
  ]
}

/** All clients are gone: so must be everything that was theirs. */
async function counterVerdicts (): Promise<boolean[]> {
  const gauges = ['mcp_sessions_active', 'mcp_sessions_hibernated', 'mcp_sessions_ending', 'mcp_connections_active', 'mcp_clients_active', 'mcp_stream_buffered_bytes']
  const end = performance.now() + SETTLE_SECONDS * 1_000
  let numbers = await server.metrics()
  while (gauges.some(name => numbers.get(name) !== 0) && performance.now() < end) {
    await delay(500)
    numbers = await server.metrics()
  }
  const opened = numbers.get('mcp_sessions_opened_total') ?? NaN
  const closed = [...numbers].filter(([name]) => name.startsWith('mcp_sessions_closed_total'))
  const reasons = closed.filter(([, count]) => count > 0).map(([name, count]) => `${/"(.*)"/.exec(name)?.[1]} ${count}`).join(', ')
  const instances = await server.instances()
  return [
    ...gauges.map(name => verdict(`${name} is ${numbers.get(name)}`, numbers.get(name) === 0)),
    verdict(`${instances} server instances are left`, instances === 0),
    verdict(`${opened} sessions were opened, and closed: ${reasons}`, opened === closed.reduce((sum, [, count]) => sum + count, 0))
  ]
}

function verdict (what: string, passed: boolean): boolean {
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${what}`)
  return passed
}

function bounded (name: keyof typeof values, least: number, most: number): number {
  const value = Number(values[name])
  if (value >= least && value <= most) return value
  console.error(`--${name} is ${values[name]}: a number from ${least} to ${most} is wanted`)
  process.exit(2)
}
