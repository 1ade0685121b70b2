import { answer, initialize, mangle, mutate, oddId, request, unanswered, type Json, type Message } from './bodies.js'
import type { Random } from './random.js'
import { KEYS, VERSIONS, type Known, type Owner, type Spec } from './spec.js'
import type { World } from './world.js'

/** Ids that were used last, for cancellations and for doubles. */
const RECENT = 20

/** Makes requests that are right, for others to break. */
export class Requests {
  readonly #world: World
  readonly #recent: Json[] = []

  constructor (world: World) {
    this.#world = world
  }

  base (step: number, method: string, path: string, owner: Owner): Spec {
    return { step, method, path, broken: false, headers: [['host', `127.0.0.1:${this.#world.port}`], ['x-api-key', KEYS[owner]]] }
  }

  /** A POST to `/mcp`, in a session or outside. */
  post (step: number, random: Random, owner: Owner, body: Json, session?: Known): Spec {
    const spec = this.base(step, 'POST', '/mcp', owner)
    spec.headers.push(['accept', 'application/json, text/event-stream'], ['content-type', 'application/json'])
    if (session !== undefined) this.#name(random, spec, session)
    spec.body = Buffer.from(JSON.stringify(body))
    return spec
  }

  get (step: number, random: Random, session: Known, lastEventId?: string): Spec {
    const spec = this.base(step, 'GET', '/mcp', session.owner)
    spec.headers.push(['accept', 'text/event-stream'])
    this.#name(random, spec, session)
    if (lastEventId !== undefined) spec.headers.push(['last-event-id', lastEventId])
    return spec
  }

  delete (step: number, random: Random, session: Known): Spec {
    const spec = this.base(step, 'DELETE', '/mcp', session.owner)
    this.#name(random, spec, session)
    return { ...spec, expected: [204, 404] }
  }

  initialize (step: number, random: Random, owner: Owner, version: string): Spec {
    const id = this.#world.nextId()
    return { ...this.post(step, random, owner, initialize(id, version)), id, expected: [200, 503] }
  }

  /** A request that the session's server takes, with an id of its own. */
  call (step: number, random: Random, session: Known): Spec {
    const { id, message } = this.message(random, session.owner)
    // The one method that a session refuses: it has been initialized.
    return { ...this.#within(step, random, message, session), id, expected: message['method'] === 'initialize' ? [400, 404] : [200, 202, 404] }
  }

  notify (step: number, random: Random, session: Known): Spec {
    return { ...this.#within(step, random, unanswered(random, this.#recent), session), expected: [202, 404] }
  }

  answer (step: number, random: Random, session: Known, method: string, id: Json): Spec {
    const right = answer(random, method, random.chance(0.9) ? id : random.pick([...this.#recent, 0]))
    if (random.chance(0.85)) return { ...this.#within(step, random, right, session), expected: [202, 404] }
    return this.#within(step, random, mutate(random, right), session)
  }

  /** A batch, for the revision that has them and for those that have not. */
  batch (step: number, random: Random, session: Known): Spec {
    const length = random.chance(0.05) ? 101 : 1 + random.below(6)
    const messages = Array.from({ length }, () => random.chance(0.75) ? this.message(random, session.owner).message : unanswered(random, this.#recent))
    if (random.chance(0.15)) messages.push(random.pick(messages))
    if (random.chance(0.1)) messages.push(mutate(random, random.pick(messages)))
    const spec = this.post(step, random, session.owner, messages, session)
    return session.version === '2025-03-26' ? spec : { ...spec, expected: [400, 404] }
  }

  /** A right message whose body is then made wrong. */
  mutated (step: number, random: Random, session: Known): Spec {
    const { message } = random.chance(0.85) ? this.message(random, session.owner) : { message: unanswered(random, this.#recent) }
    let wrong: Message = random.chance(0.1) ? { ...message, id: random.chance(0.5) ? oddId(random) : random.pick([...this.#recent, 1]) } : message
    const twice = random.below(3)
    for (let time = 0; time < twice; time++) wrong = mutate(random, wrong)
    const spec = this.#within(step, random, random.chance(0.05) ? [wrong] : wrong, session)
    if (twice === 0 || random.chance(0.3)) spec.body = mangle(random, spec.body?.toString() ?? '')
    return spec
  }

  /** Any right request of that session, to be broken. */
  some (step: number, random: Random, session: Known): Spec {
    const kind = random.weighted({ call: 70, notify: 8, get: 10, delete: 1, initialize: 8, batch: 3 })
    switch (kind) {
      case 'call': return this.call(step, random, session)
      case 'notify': return this.notify(step, random, session)
      case 'get': return this.get(step, random, session, random.chance(0.4) ? eventOf(random, session) : undefined)
      case 'delete': return this.delete(step, random, session)
      case 'initialize': return this.initialize(step, random, session.owner, random.pick(VERSIONS))
      case 'batch': return this.batch(step, random, session)
    }
  }

  message (random: Random, owner: Owner): { id: Json, message: Message } {
    const number = this.#world.nextId()
    const id = random.chance(0.7) ? number : `${random.pick(['id', 'é', '«', '"'])}-${number}`
    this.#recent.push(id)
    if (this.#recent.length > RECENT) this.#recent.shift()
    return { id, message: request(random, id, owner) }
  }

  #within (step: number, random: Random, body: Json, session: Known): Spec {
    if (session.kind === 'streamable') return this.post(step, random, session.owner, body, session)
    const spec = this.base(step, 'POST', session.endpoint ?? '/messages', session.owner)
    spec.headers.push(['content-type', 'application/json'])
    spec.body = Buffer.from(JSON.stringify(body))
    return spec
  }

  #name (random: Random, spec: Spec, session: Known): void {
    spec.headers.push(['mcp-session-id', session.id])
    if (random.chance(0.7)) spec.headers.push(['mcp-protocol-version', session.version])
    else if (random.chance(0.2)) spec.headers.push(['mcp-protocol-version', random.pick(VERSIONS)])
  }
}

/** A place to go on: one that was seen, or an invented one. */
export function eventOf (random: Random, { events }: Known): string {
  if (events.size > 0 && random.chance(0.75)) return random.pick([...events.keys()])
  return random.pick(['0-0', '0-1', '1-1', '1-2', '2-4', '7-1', '0-99999', 'x', '0-', '1-0', '3-3'])
}
