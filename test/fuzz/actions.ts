import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './client.js'
import { breakFraming, mutateHeader, mutateTarget } from './headers.js'
import type { Random } from './random.js'
import { eventOf, type Requests } from './requests.js'
import { KEYS, VERSIONS, type Known, type Owner, type Spec } from './spec.js'
import { PATIENCE_MS, Storms } from './storms.js'
import type { World } from './world.js'

/** How often each thing is done. */
const weights = {
  call: 40,
  notify: 5,
  batch: 3,
  body: 14,
  headers: 14,
  target: 4,
  framing: 4,
  open: 3,
  openOddly: 1,
  before: 1,
  foreign: 2,
  ended: 2,
  get: 3,
  takeover: 0.7,
  resume: 3,
  delete: 1,
  cut: 3,
  pipeline: 5,
  twice: 1,
  cancel: 1,
  drown: 0.2,
  sse: 0.8,
  crowd: 0.08,
  message: 6
}

type Action = keyof typeof weights
type InSession = Exclude<Action, 'open' | 'openOddly' | 'before' | 'sse' | 'crowd' | 'ended' | 'message'>

/** One worker of many: it does one thing after the other, each as the seed and the number of the step have it. */
export class Worker {
  readonly #world: World
  readonly #requests: Requests
  readonly #client: Client
  readonly #storms: Storms

  constructor (world: World, requests: Requests, client: Client) {
    this.#world = world
    this.#requests = requests
    this.#client = client
    this.#storms = new Storms(world, requests, client)
  }

  async run (requests: number): Promise<void> {
    while (this.#world.sent < requests && this.#world.failures.length < 20) {
      const { step, random } = this.#world.nextStep()
      await this.#act(random.weighted(weights), step, random)
    }
  }

  async #act (action: Action, step: number, random: Random): Promise<void> {
    const session = this.#world.session(random, action === 'message' ? 'sse' : 'streamable')
    switch (action) {
      case 'open': return await this.#open(step, random)
      case 'openOddly': return await this.#openOddly(step, random)
      case 'before': return await this.#before(step, random)
      case 'sse': return await this.#storms.sse(step, random, random.pick<Owner>([0, 1]))
      case 'crowd': return await this.#storms.crowd(step, random)
      case 'ended': return await this.#ended(step, random)
      case 'message':
        if (session !== undefined) await this.#message(step, random, session)
        return
      case 'call':
      case 'notify':
      case 'batch':
      case 'body':
      case 'headers':
      case 'target':
      case 'framing':
      case 'foreign':
      case 'get':
      case 'takeover':
      case 'resume':
      case 'delete':
      case 'cut':
      case 'pipeline':
      case 'cancel':
      case 'drown':
      case 'twice':
        if (session === undefined) await this.#open(step, random)
        else await this.#actIn(session, action, step, random)
    }
  }

  async #actIn (session: Known, action: InSession, step: number, random: Random): Promise<void> {
    switch (action) {
      case 'call':
        await this.#ask(this.#requests.call(step, random, session), random)
        if (random.chance(0.08)) session.restsUntil = performance.now() + 350 + random.below(600)
        return
      case 'notify': return await this.#ask(this.#requests.notify(step, random, session), random)
      case 'batch': return await this.#ask(this.#requests.batch(step, random, session), random)
      case 'body': return await this.#ask(this.#requests.mutated(step, random, session), random)
      case 'headers': return await this.#mutated(random, spec => { for (let times = 1 + random.below(3); times > 0; times--) mutateHeader(random, spec) }, this.#requests.some(step, random, session))
      case 'target': return await this.#mutated(random, spec => { mutateTarget(random, spec) }, this.#requests.some(step, random, session))
      case 'framing': return await this.#framing(this.#requests.some(step, random, session), random)
      case 'foreign': return await this.#foreign(step, random, session)
      case 'get': return await this.#stream(this.#requests.get(step, random, session), random)
      case 'resume': return await this.#resume(step, random, session)
      case 'takeover':
        await Promise.all(Array.from({ length: 2 + random.below(3) }, () => this.#stream(this.#requests.get(step, random, session), random)))
        return
      case 'delete': return await this.#delete(step, random, session)
      case 'cut': return await this.#client.cut(random.chance(0.2) ? this.#requests.base(step, 'GET', '/sse', session.owner) : this.#requests.some(step, random, session), random)
      case 'pipeline': return await this.#storms.pipeline(step, random, session)
      case 'drown': return await this.#storms.drown(step, random, session)
      case 'cancel': return await this.#storms.cancel(step, random, session)
      case 'twice': return await this.#storms.twice(step, random, session)
    }
  }

  async #ask (spec: Spec, random: Random): Promise<void> { await this.#client.ask(spec, random) }

  async #mutated (random: Random, mutation: (spec: Spec) => void, { expected, id, ...spec }: Spec): Promise<void> {
    mutation(spec)
    if (spec.broken) return await this.#framing(spec, random)
    await (random.chance(0.1) ? this.#client.askAlone(spec, random) : this.#client.ask(spec, random))
  }

  /** What is no HTTP may be left without an answer: a moment is enough. */
  async #framing ({ expected, id, ...spec }: Spec, random: Random): Promise<void> {
    if (!spec.broken) breakFraming(random, spec)
    const connection = await this.#world.connect()
    const pending = this.#world.send(connection, spec)
    await Promise.race([pending.exchange.head, pause(PATIENCE_MS)])
    if (pending.exchange.isStream) this.#client.hold(pending, random, 'leave')
    else await Promise.race([pending.exchange.done, pause(PATIENCE_MS)])
    if (!pending.exchange.isStream) connection.destroy()
  }

  async #open (step: number, random: Random): Promise<void> {
    const owner = random.pick<Owner>([0, 1])
    const pending = await this.#client.ask(this.#requests.initialize(step, random, owner, random.pick(VERSIONS)), random)
    const session = this.#world.issued.get(pending.exchange.headers['mcp-session-id'] ?? '')
    if (session === undefined) return
    if (random.chance(0.9)) await this.#ask({ ...this.#requests.post(step, random, owner, { jsonrpc: '2.0', method: 'notifications/initialized' }, session), expected: [202, 404] }, random)
  }

  /** A version that nobody speaks, a batch, an odd id: whatever is answered, a session that was given is a session. */
  async #openOddly (step: number, random: Random): Promise<void> {
    const owner = random.pick<Owner>([0, 1])
    const spec = this.#requests.initialize(step, random, owner, random.pick(['2024-11-05', '2026-07-28', '1', '', 'nonsense', '2025-03-26']))
    delete spec.expected
    delete spec.id
    const body = JSON.parse(String(spec.body)) as Record<string, unknown>
    const params = body['params'] as Record<string, unknown>
    const odd = random.pick<unknown>([body, body, [body], { ...body, params: {} }, { ...body, params: { ...params, capabilities: 5 } }, { ...body, id: 0 }, { ...body, id: '' }, { ...body, params: { ...params, clientInfo: { name: 'x'.repeat(50_000), version: '1' } } }])
    spec.body = Buffer.from(JSON.stringify(odd))
    await this.#ask(spec, random)
  }

  /** What comes before any session. */
  async #before (step: number, random: Random): Promise<void> {
    const owner = random.pick<Owner>([0, 1])
    const spec = this.#requests.post(step, random, owner, this.#requests.message(random, owner).message)
    if (String(spec.body).includes('"initialize"')) return
    if (random.chance(0.5)) spec.expected = [400, 503]
    else mutateHeader(random, spec)
    await this.#mutated(random, () => {}, spec)
  }

  /** Another owner's key, or none, with a session that lives. */
  async #foreign (step: number, random: Random, session: Known): Promise<void> {
    const spec = this.#requests.some(step, random, session)
    if (!spec.headers.some(([name]) => name === 'mcp-session-id')) return
    const key = random.pick([KEYS[1 - session.owner] as string, KEYS[1 - session.owner] as string, 'wrong', undefined])
    spec.headers = spec.headers.flatMap(([name, value]): [string, string][] => name !== 'x-api-key' ? [[name, value]] : key === undefined ? [] : [[name, key]])
    delete spec.id
    spec.expected = key === KEYS[1 - session.owner] ? [404] : [401]
    await this.#ask(spec, random)
  }

  async #ended (step: number, random: Random): Promise<void> {
    if (this.#world.ended.length === 0) return
    const session = random.pick(this.#world.ended)
    if (session.kind !== 'streamable') return
    await this.#ask({ ...this.#requests.some(step, random, session), expected: [404, 200, 503] }, random)
  }

  async #stream (spec: Spec, random: Random): Promise<void> { await this.#client.askAlone(spec, random) }

  async #resume (step: number, random: Random, session: Known): Promise<void> {
    const spec = this.#requests.get(step, random, session, eventOf(random, session))
    await this.#stream({ ...spec, expected: [200, 204, 400, 404] }, random)
  }

  async #delete (step: number, random: Random, session: Known): Promise<void> {
    const { exchange } = await this.#client.ask(this.#requests.delete(step, random, session), random)
    if (exchange.status === 204 && random.chance(0.5)) await this.#ask({ ...this.#requests.delete(step, random, session), expected: [404] }, random)
  }

  async #message (step: number, random: Random, session: Known): Promise<void> {
    const kind = random.weighted({ call: 60, notify: 10, body: 15, initialize: 15, headers: 10 })
    if (kind === 'notify') return await this.#ask(this.#requests.notify(step, random, session), random)
    if (kind === 'body') return await this.#ask(this.#requests.mutated(step, random, session), random)
    const { expected, id, ...spec } = this.#requests.call(step, random, session)
    if (kind === 'initialize') spec.body = this.#requests.initialize(step, random, session.owner, '2024-11-05').body
    else if (kind === 'headers') mutateHeader(random, spec)
    await this.#mutated(random, () => {}, spec)
  }
}
