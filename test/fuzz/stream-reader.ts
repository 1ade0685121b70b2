import { checkText } from './oracle.js'
import { headerOf, ownerOf, pathOf, type Known } from './spec.js'
import type { Pending, World } from './world.js'

/** What a server asks its client. */
export interface Asked { id: string | number, method: string }

/** Reads an event stream and checks every event of it. */
export class StreamReader {
  /** The path that the `endpoint` event named. */
  endpoint: string | undefined
  events = 0
  lastId: string | undefined
  retry = false
  onAsked: ((asked: Asked) => void) | undefined
  onEndpoint: (() => void) | undefined
  /** The session of HTTP+SSE, once it is known. */
  session: Known | undefined
  readonly #world: World
  readonly #pending: Pending
  readonly #answered = new Set<string>()
  #buffer = ''

  constructor (world: World, pending: Pending) {
    this.#world = world
    this.#pending = pending
    this.session = world.issued.get(headerOf(pending.spec, 'mcp-session-id') ?? '')
  }

  /** Reads what is there, and what is to come. */
  begin (): void {
    const { exchange, spec } = this.#pending
    const path = pathOf(spec)
    this.#world.meet(`stream ${spec.method} ${path}`)
    const feed = (text: string) => { this.#feed(text) }
    const { body } = exchange
    exchange.body = ''
    exchange.onText = feed
    if (body !== '') feed(body)
    if (ownerOf(spec) === undefined) this.#wrong('A stream without a key')
    if (path === '/mcp' && this.session?.owner !== ownerOf(spec) && spec.method === 'GET') this.#wrong("A stream in another owner's session")
    if (spec.id !== undefined && path === '/mcp') void exchange.done.then(() => { this.#checkEnd() })
  }

  #wrong (what: string): void { this.#world.fail(what, this.#pending.spec, this.#pending.exchange) }

  /** A stream that the server ended for good has brought the answer. */
  #checkEnd (): void {
    const id = JSON.stringify(this.#pending.spec.id)
    const { exchange: { outcome }, connection, paused } = this.#pending
    const excused = this.retry || paused || connection.gone || this.session?.flooded === true || this.session?.cancelled.has(id) === true
    if (outcome === 'ended' && !excused && !this.#answered.has(id)) this.#wrong('A stream ended without the answer')
  }

  #feed (text: string): void {
    this.#buffer += text
    for (let end = this.#buffer.indexOf('\n\n'); end !== -1; end = this.#buffer.indexOf('\n\n')) {
      const block = this.#buffer.slice(0, end)
      this.#buffer = this.#buffer.slice(end + 2)
      this.#read(block)
    }
  }

  #read (block: string): void {
    if (block.startsWith(':')) return
    let data: string | undefined
    let id: string | undefined
    let event = 'message'
    for (const line of block.split('\n')) {
      const name = line.slice(0, line.indexOf(':'))
      const value = line.slice(line.indexOf(':') + 2)
      if (name === 'data') data = value
      else if (name === 'id') id = value
      else if (name === 'event') event = value
      else if (name === 'retry') this.retry = true
      else this.#wrong(`A line that is no field: ${JSON.stringify(line.slice(0, 200))}`)
    }
    if (data === undefined) return
    this.events++
    if (event === 'endpoint') {
      this.endpoint = data
      this.onEndpoint?.()
      return
    }
    if (pathOf(this.#pending.spec) === '/mcp') this.#checkId(id, data)
    if (data !== '') this.#readMessage(data, id)
  }

  get #resumedFrom (): string | null | undefined {
    const { spec } = this.#pending
    return spec.method === 'GET' ? headerOf(spec, 'last-event-id') : undefined
  }

  /** Ids count up, name one stream, and stand for the same event whenever they come. */
  #checkId (id: string | undefined, data: string): void {
    const parts = /^(\d+)-(\d+)$/.exec(id ?? '')
    if (id === undefined || parts === null) return this.#wrong(`An event without an id: ${data.slice(0, 200)}`)
    const before = /^(\d+)-(\d+)$/.exec(this.lastId ?? this.#resumedFrom ?? '')
    if (before !== null && before[1] !== parts[1]) this.#wrong(`An event of another stream: ${id} after ${before[0]}`)
    if (before !== null && Number(before[2]) >= Number(parts[2])) this.#wrong(`An event that was before: ${id} after ${before[0]}`)
    this.lastId = id
    const events = this.session?.events
    if (events === undefined) return
    const beginning = data.slice(0, 500)
    if ((events.get(id) ?? beginning) !== beginning) this.#wrong(`One id for two events: ${id}`)
    events.set(id, beginning)
    if (events.size > 200) events.delete(events.keys().next().value as string)
  }

  #readMessage (data: string, id: string | undefined): void {
    const { spec } = this.#pending
    const isSse = pathOf(spec) === '/sse'
    checkText(this.#world, spec, data, isSse ? 'sse' : `event ${id} of ${this.session?.tag}`, what => { this.#wrong(`${what}: ${data.slice(0, 300)}`) }, this.session?.tag)
    let message: { id?: string | number, method?: string }
    try {
      message = JSON.parse(data) as typeof message
    } catch {
      return this.#wrong(`An event that is no JSON: ${data.slice(0, 300)}`)
    }
    if (message.method === undefined) {
      const answered = JSON.stringify(message.id)
      if (this.#answered.has(answered) && !isSse) this.#wrong(`Two answers for ${answered}`)
      this.#answered.add(answered)
    } else if (message.id !== undefined) {
      this.onAsked?.({ id: message.id, method: message.method })
    }
  }
}
