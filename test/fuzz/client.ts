import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from './random.js'
import type { Requests } from './requests.js'
import { bytesOf, known, ownerOf, type Spec } from './spec.js'
import { StreamReader } from './stream-reader.js'
import type { Connection } from './wire.js'
import type { Pending, World } from './world.js'

/** Streams that are read at once, at the most. */
const MAX_STREAMS = 70

/** Milliseconds after which a worker goes on with something else while its answer is awaited. */
const IMPATIENCE_MS = 60

/** What becomes of a stream: how long it is read, and how it is left. */
type Fate = 'read' | 'leave' | 'reset' | 'stall'

/** One worker's connection, and what it does with the streams that it is given. */
export class Client {
  readonly #world: World
  readonly #requests: Requests
  #connection: Connection | undefined
  #answering: Connection | undefined

  constructor (world: World, requests: Requests) {
    this.#world = world
    this.#requests = requests
  }

  /** Asks on the worker's connection, and waits for the answer or, where it is a stream, for its beginning. */
  async ask (spec: Spec, random: Random): Promise<Pending> {
    const kept = this.#connection
    this.#connection = undefined
    const connection = kept?.usable === true ? kept : await this.#world.connect()
    const pending = this.#world.send(connection, spec)
    const answered = this.#attend(pending, random).then(() => {
      if (pending.exchange.isStream) return
      if (this.#connection === undefined && connection.usable) this.#connection = connection
      else connection.destroy()
    })
    await Promise.race([answered, pause(IMPATIENCE_MS)])
    return pending
  }

  /** Asks on a connection of its own. */
  async askAlone (spec: Spec, random: Random): Promise<Pending> {
    const connection = await this.#world.connect()
    const pending = this.#world.send(connection, spec)
    const answered = this.#attend(pending, random).then(() => { if (!pending.exchange.isStream) connection.destroy() })
    await Promise.race([answered, pause(IMPATIENCE_MS)])
    return pending
  }

  /** Waits for an answer or, where it is a stream, for its beginning. */
  async #attend (pending: Pending, random: Random): Promise<void> {
    await pending.exchange.head
    if (pending.exchange.isStream) this.hold(pending, random)
    else await pending.exchange.done
  }

  /** Reads a stream, for as long as chance has it. */
  hold (pending: Pending, random: Random, fate: Fate = random.weighted({ read: 70, leave: 15, reset: 8, stall: 3 })): StreamReader {
    const { connection, spec, exchange } = pending
    const reader = new StreamReader(this.#world, pending)
    this.#makeRoom()
    reader.onAsked = ({ id, method }) => {
      if (reader.session !== undefined && random.chance(0.65)) void this.#answer(this.#requests.answer(spec.step, random, reader.session, method, id))
    }
    reader.onEndpoint = () => { this.#opened(reader, spec) }
    reader.begin()
    this.#decide(fate, pending, random)
    void exchange.done.then(() => {
      if (reader.session?.kind === 'sse') this.#world.over(reader.session)
      connection.destroy()
    })
    return reader
  }

  /** A request that is cut off: before its end, or with its answer under way. */
  async cut (spec: Spec, random: Random): Promise<void> {
    const connection = await this.#world.connect()
    const bytes = bytesOf(spec)
    this.#world.note(spec)
    this.#world.meet('cut')
    connection.write(bytes.subarray(0, random.chance(0.5) ? bytes.length : random.below(bytes.length)))
    await pause(random.pick([0, 0, 1, 5, 30]))
    if (random.chance(0.2)) connection.halfClose()
    else if (random.chance(0.3)) connection.reset()
    else connection.destroy()
    await pause(1)
    connection.destroy()
  }

  #decide (fate: Fate, pending: Pending, random: Random): void {
    const { connection, spec } = pending
    const after = (ms: number, act: () => void) => { setTimeout(() => { if (!connection.closed) act() }, ms) }
    const isShort = random.chance(0.6)
    switch (fate) {
      case 'read':
        if (spec.method === 'GET') after(isShort ? random.below(300) : random.below(2_500), () => { connection.destroy() })
        break
      case 'leave':
        after(isShort ? random.below(10) : random.below(300), () => { connection.destroy() })
        break
      case 'reset':
        after(isShort ? random.below(10) : random.below(300), () => { connection.reset() })
        break
      case 'stall':
        pending.paused = true
        this.#world.meet('stall')
        connection.pause()
        after(200 + random.below(1_500), () => { connection.resume() })
        after(1_900, () => { connection.destroy() })
    }
  }

  #opened (reader: StreamReader, spec: Spec): void {
    const id = new URLSearchParams(reader.endpoint?.split('?')[1]).get('session_id') ?? ''
    const owner = ownerOf(spec)
    if (owner === undefined) return
    const session = known(id, owner, 'sse', '2024-11-05', reader.endpoint)
    this.#world.add(session)
    reader.session = session
  }

  async #answer (spec: Spec): Promise<void> {
    if (this.#answering?.usable !== true) this.#answering = await this.#world.connect()
    const pending = this.#world.send(this.#answering, spec)
    await pending.exchange.head
    // A mutated answer may have become a request.
    if (!pending.exchange.isStream) return
    this.#answering = undefined
    pending.connection.destroy()
  }

  #makeRoom (): void {
    const streams = [...this.#world.pending].filter(({ exchange, spec }) => exchange.isStream && spec.method === 'GET')
    if (streams.length > MAX_STREAMS) streams[0]?.connection.destroy()
  }
}
