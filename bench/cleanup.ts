import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import type * as Registry from '../src/sessions/session-registry.js'
import type { CloseReason } from '../src/sessions/session-types.js'
import type * as Streams from '../src/streams/sse-stream.js'
import { fixtureServer } from './fixture-server.js'
import { median, ms, type Row } from './table.js'

// Internal to the package: built code, types of the source.
const built = '../dist/'
const { SessionRegistry } = await import(`${built}sessions/session-registry.js`) as typeof Registry
const { SseStream } = await import(`${built}streams/sse-stream.js`) as typeof Streams

const MANY = 100_000
const SOME = 1_000
const TIMEOUT_SECONDS = 3_600
const STREAM_BUFFER_BYTES = 1_048_576
const ROUNDS = 3

/** What a cleanup takes, in this process: the event loop stands still for so long. */
export async function cleanup (): Promise<Row[]> {
  const nothing: number[] = []
  const all: number[] = []
  const some: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const many = await open(MANY, false)
    nothing.push(await sweep(many, 0, 0))
    all.push(await sweep(many, MANY, TIMEOUT_SECONDS + 1))
    some.push(await sweep(await open(SOME, true), SOME, TIMEOUT_SECONDS + 1))
  }
  return [
    goal('Cleanup of 100,000 sessions, nothing to do', nothing, 1),
    goal('Cleanup that ends 100,000 sessions, each logged', all, 1_000),
    goal('Cleanup that ends 1,000 sessions with server and stream', some, 100)
  ]
}

function goal (what: string, runs: number[], limit: number): Row {
  return { what, weir: ms(median(runs)), goal: `under ${limit} ms`, met: median(runs) < limit }
}

interface Opened {
  registry: InstanceType<typeof SessionRegistry>
  /** Moves the registry's clock. */
  pass: (seconds: number) => void
}

async function open (count: number, whole: boolean): Promise<Opened> {
  let now = 0
  const registry = new SessionRegistry({
    maxSessions: count,
    maxSessionsPerClient: count,
    sessionTimeoutSeconds: TIMEOUT_SECONDS,
    sessionHibernateSeconds: 0,
    streamBufferBytes: STREAM_BUFFER_BYTES,
    observer: observer(),
    now: () => now
  })
  for (let index = 0; index < count; index++) {
    const session = registry.open({ principal: { id: `principal-${index % 100}` }, clientKey: `principal ${index % 100}`, transport: 'sse' })
    if (!whole) continue
    session.attachStream(new SseStream(STREAM_BUFFER_BYTES))
    await session.connect(() => fixtureServer())
  }
  return { registry, pass: seconds => { now += seconds * 1_000 } }
}

/** Milliseconds until a sweep has ended `expected` sessions, and their server instances have closed. */
async function sweep ({ registry, pass }: Opened, expected: number, seconds: number): Promise<number> {
  pass(seconds)
  const started = performance.now()
  const ended = registry.sweep()
  while (registry.ending > 0) await turn()
  const took = performance.now() - started
  if (ended !== expected) throw new Error(`the sweep ended ${ended} sessions of ${expected}`)
  return took
}

/** As the plugin's: counts, and logs each session that ends. */
function observer (): Registry.SessionRegistryOptions['observer'] {
  const log = pino({ level: 'info' }, pino.destination({ dest: '/dev/null', sync: true }))
  const closed = new Map<CloseReason, number>()
  return {
    opened () {},
    received () {},
    sent () {},
    dropped () {},
    failed (session, err) { log.error({ session: session.hash, err }, 'server failed') },
    closed (session, reason) {
      closed.set(reason, (closed.get(reason) ?? 0) + 1)
      log.info({ session: session.hash, owner: session.record.owner, reason, seconds: 0 }, 'session closed')
    }
  }
}
