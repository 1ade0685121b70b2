import { checkAnswer, checkLost } from './oracle.js'
import { Random } from './random.js'
import { bytesOf, describe, headerOf, type Known, type Owner, type Spec } from './spec.js'
import { Connection, type Exchange } from './wire.js'

/** Milliseconds in which an answer must have begun, and a stream said that it lives. Generous: CI's machines are shared. */
const PATIENCE_MS = 15_000

/** A request whose answer is awaited, or whose stream is read. */
export interface Pending {
  spec: Spec
  exchange: Exchange
  connection: Connection
  /** Whether its reader has stopped on purpose. */
  paused: boolean
  /** Waits its turn behind a stream that has the connection. */
  queued: boolean
}

/** All that the fuzzer knows: sessions, what is under way, what was seen, what was wrong. */
export class World {
  readonly sessions: Known[] = []
  readonly ended: Known[] = []
  /** Every session that was ever given to anybody. */
  readonly issued = new Map<string, Known>()
  readonly pending = new Set<Pending>()
  readonly failures: string[] = []
  /** How often what was met: a fuzzer that meets nothing finds nothing. */
  readonly met = new Map<string, number>()
  /** By which way each thing that a server said came. */
  readonly ways = new Map<string, string>()
  readonly #connections = new Set<Connection>()
  sent = 0
  #history: Spec[] = []
  #step = 0
  #lastId = 0

  constructor (readonly port: number, readonly seed: number) {}

  nextStep (): { step: number, random: Random } {
    const step = this.#step++
    return { step, random: Random.ofStep(this.seed, step) }
  }

  nextId (): number { return ++this.#lastId }

  meet (what: string): void { this.met.set(what, (this.met.get(what) ?? 0) + 1) }

  /** Keeps at most some failures: the first ones say it. */
  fail (what: string, spec?: Spec, exchange?: Exchange): void {
    if (this.failures.length >= 20) return
    const answer = exchange && `\n  answer: ${exchange.status} ${JSON.stringify(exchange.headers)} ${JSON.stringify(exchange.body.slice(0, 600))} (${exchange.outcome})`
    const session = spec && headerOf(spec, 'mcp-session-id')
    const before = typeof session === 'string' ? this.#history.slice(0, this.#history.indexOf(spec as Spec)).filter(other => headerOf(other, 'mcp-session-id') === session).slice(-8) : []
    this.failures.push(`${what}\n  FUZZ_SEED=${this.seed}${spec ? `\n  request: ${describe(spec)}` : ''}${answer ?? ''}${before.map(other => `\n  before it in the same session: ${describe(other)}`).join('')}`)
  }

  async connect (): Promise<Connection> {
    const connection = await Connection.open(this.port)
    this.#connections.add(connection)
    if (this.#connections.size > 1_000) this.#forgetClosed()
    return connection
  }

  /** Everybody goes. */
  disconnect (): void {
    for (const connection of this.#connections) connection.destroy()
  }

  #forgetClosed (): void {
    for (const connection of this.#connections) if (connection.closed) this.#connections.delete(connection)
  }

  /** Sends a request and has its answer checked. */
  send (connection: Connection, spec: Spec): Pending {
    return this.sendAll(connection, [spec])[0] as Pending
  }

  sendAll (connection: Connection, specs: Spec[]): Pending[] {
    const exchanges = connection.sendAll(specs.map(spec => ({ bytes: bytesOf(spec), method: spec.method })))
    return exchanges.map((exchange, index) => {
      const pending = { spec: specs[index] as Spec, exchange, connection, paused: false, queued: index > 0 }
      this.note(pending.spec)
      this.pending.add(pending)
      void exchange.done.then(() => {
        this.pending.delete(pending)
        if (exchange.status === 0) checkLost(this, pending)
        else checkAnswer(this, pending)
      })
      return pending
    })
  }

  /** Counts a request that goes out, and remembers it. */
  note (spec: Spec): void {
    this.sent++
    this.#history.push(spec)
    if (this.#history.length > 6_000) this.#history = this.#history.slice(-3_000)
    const session = this.issued.get(headerOf(spec, 'mcp-session-id') ?? '')
    if (session === undefined || spec.body === undefined) return
    const body = spec.body.toString()
    for (const [, id] of body.matchAll(/"requestId":("(?:[^"\\]|\\.)*"|[^,}]*)/g)) session.cancelled.add(String(id))
    if (/"(flood|large|burst)"/.test(body)) session.flooded = true
  }

  /** A session of one owner's, at rest or not as asked; undefined where there is none. */
  session (random: Random, kind: Known['kind'], owner?: Owner): Known | undefined {
    const now = performance.now()
    const fitting = this.sessions.filter(known => known.kind === kind && known.restsUntil <= now && (owner === undefined || known.owner === owner))
    return fitting.length === 0 ? undefined : random.pick(fitting)
  }

  add (known: Known): void {
    if (this.issued.has(known.id)) this.fail(`A session id was given twice: ${known.id}`)
    this.issued.set(known.id, known)
    this.sessions.push(known)
  }

  over (known: Known): void {
    known.overAt ??= performance.now()
    const at = this.sessions.indexOf(known)
    if (at === -1) return
    this.sessions.splice(at, 1)
    this.ended.push(known)
    if (this.ended.length > 100) this.ended.shift()
  }

  /** Looks for what hangs. */
  watch (): void {
    const now = performance.now()
    for (const pending of this.pending) {
      const { spec, exchange, connection, paused, queued } = pending
      if (paused || queued || spec.broken) continue
      const session = this.issued.get(headerOf(spec, 'mcp-session-id') ?? '')
      const hangs = exchange.status === 0
        ? now - exchange.startedAt > PATIENCE_MS && 'No answer came'
        : exchange.isStream
          ? (now - exchange.heardAt > PATIENCE_MS && 'No sign of life came on a stream') ||
            (spec.method === 'POST' && now - exchange.startedAt > PATIENCE_MS && 'The stream of a POST does not end') ||
            (session?.overAt !== undefined && now - Math.max(session.overAt, exchange.startedAt) > PATIENCE_MS && 'A stream outlives its session')
          : now - exchange.startedAt > PATIENCE_MS && 'An answer does not end'
      if (hangs === false) continue
      this.fail(hangs, spec, exchange)
      this.pending.delete(pending)
      connection.destroy()
    }
  }
}
