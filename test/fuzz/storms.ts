import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './client.js'
import type { Random } from './random.js'
import type { Requests } from './requests.js'
import { VERSIONS, type Known, type Owner } from './spec.js'
import type { Connection } from './wire.js'
import type { Pending, World } from './world.js'

/** Milliseconds that a worker waits where no answer may ever come. */
export const PATIENCE_MS = 200

/** What takes several requests at once. */
export class Storms {
  readonly #world: World
  readonly #requests: Requests
  readonly #client: Client

  constructor (world: World, requests: Requests, client: Client) {
    this.#world = world
    this.#requests = requests
    this.#client = client
  }

  /** The same request twice at once. */
  async twice (step: number, random: Random, session: Known): Promise<void> {
    const { id, message } = this.#requests.message(random, session.owner)
    const spec = { ...this.#requests.post(step, random, session.owner, message, session), id, expected: [200, 400, 404] }
    await Promise.all([1, 2].map(() => this.#client.askAlone({ ...spec }, random)))
  }

  /** A slow request, and its cancellation while it is under way. */
  async cancel (step: number, random: Random, session: Known): Promise<void> {
    const id = random.chance(0.1) ? 0 : this.#world.nextId()
    const name = random.pick(['wait', 'sample', 'elicit'])
    const message = { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { ms: 400, related: true } } }
    // Zero may be in flight already.
    const asked = this.#client.askAlone({ ...this.#requests.post(step, random, session.owner, message, session), id, expected: [200, 400, 404] }, random)
    await pause(random.below(10))
    await this.#client.ask({ ...this.#requests.post(step, random, session.owner, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }, session), expected: [202, 404] }, random)
    await asked
  }

  /** Several requests at once, of one or of several sessions; a stream among them keeps the rest waiting. */
  async pipeline (step: number, random: Random, session: Known): Promise<void> {
    const connection = await this.#world.connect()
    const others = Array.from({ length: 2 + random.below(5) }, () => random.chance(0.7) ? session : this.#world.session(random, 'streamable') ?? session)
    const specs = others.map(other => this.#requests.some(step, random, other)).map(({ expected, ...spec }) => spec)
    const all = this.#world.sendAll(connection, specs)
    await Promise.race([this.#inTurn(all, connection, random), pause(PATIENCE_MS)])
  }

  async #inTurn (all: Pending[], connection: Connection, random: Random): Promise<void> {
    for (const pending of all) {
      pending.queued = false
      await pending.exchange.head
      if (pending.exchange.isStream) {
        this.#client.hold(pending, random)
        for (const later of all.slice(all.indexOf(pending) + 1)) later.queued = true
        return
      }
      await pending.exchange.done
    }
    connection.destroy()
  }

  /** More at once than a reader may keep waiting. */
  async drown (step: number, random: Random, session: Known): Promise<void> {
    await this.#client.askAlone(this.#requests.get(step, random, session), random)
    const burst = { jsonrpc: '2.0', id: this.#world.nextId(), method: 'tools/call', params: { name: 'burst', arguments: {} } }
    await this.#client.askAlone(this.#requests.post(step, random, session.owner, burst, session), random)
  }

  /** More streams than one client may have: then there is no room. */
  async crowd (step: number, random: Random): Promise<void> {
    const owner = random.pick<Owner>([0, 1])
    await Promise.all(Array.from({ length: 42 }, () => this.sse(step, random, owner)))
    for (let times = 0; times < 5; times++) await this.#client.ask(this.#requests.initialize(step, random, owner, random.pick(VERSIONS)), random)
  }

  async sse (step: number, random: Random, owner: Owner): Promise<void> {
    const spec = this.#requests.base(step, 'GET', '/sse', owner)
    await this.#client.askAlone({ ...spec, expected: [200, 503] }, random)
  }
}
