import type { RequestId } from '../json-rpc.js'

/** Events that one session's log holds at the most. */
export const MAX_EVENTS = 1_000

/** One event of one stream, as it goes to the wire. */
export interface LoggedEvent {
  readonly stream: number
  /** Counts up through the session, whatever the stream. */
  readonly number: number
  readonly bytes: Buffer
  /** The id of a request to the client, which may have to be withdrawn. */
  readonly request: RequestId | undefined
  /** The number of the last event of its stream that a connection was given before it. */
  follows: number
  /** Whether it was ever written to a connection. */
  sent: boolean
}

/** Where a reader was in a stream: what an event id says. */
export interface Cursor { stream: number, number: number }

/**
 * What was said on the streams of one session, for a client that comes back (MCP specification 2025-11-25, "Transports",
 * "Resumability and Redelivery"). Bounded in events and bytes: the oldest go first.
 */
export class EventLog {
  readonly #limitBytes: number
  readonly #observer: { lost (): void }
  #events: LoggedEvent[] = []
  #bytes = 0
  #lastNumber = 0
  /** The number of the youngest event that had to go. */
  #forgotten = 0

  /** @param observer Told of each event that had to go before it was ever sent. */
  constructor (limitBytes: number, observer: { lost (): void }) {
    this.#limitBytes = limitBytes
    this.#observer = observer
  }

  get bytes (): number { return this.#bytes }

  /** The number that the next event has. */
  nextNumber (): number { return ++this.#lastNumber }

  add (event: LoggedEvent): void {
    this.#events.push(event)
    this.#bytes += event.bytes.length
    let gone = 0
    for (const oldest of this.#events) {
      if (this.#bytes <= this.#limitBytes && this.#events.length - gone <= MAX_EVENTS) break
      this.#lose(oldest)
      gone++
    }
    if (gone > 0) this.#events.splice(0, gone)
  }

  /** The events of one stream after a number. */
  after ({ stream, number }: Cursor): LoggedEvent[] {
    return this.#events.filter(event => event.stream === stream && event.number > number)
  }

  /** The events of one stream that no connection was ever given. */
  unsent (stream: number): LoggedEvent[] {
    return this.#events.filter(event => event.stream === stream && !event.sent)
  }

  /** Whether an event after that number may have had to go. */
  hasForgottenAfter (number: number): boolean { return number < this.#forgotten }

  /** Whether an event of that number was ever numbered. */
  hasReached (number: number): boolean { return number <= this.#lastNumber }

  /** Takes back a request to the client that nobody waits for any more. */
  withdraw (stream: number, request: RequestId): void {
    const kept = this.#events.filter(event => event.stream !== stream || event.request !== request || event.sent)
    this.#bytes = kept.reduce((bytes, event) => bytes + event.bytes.length, 0)
    this.#events = kept
  }

  /** Forgets everything. */
  clear (): void {
    for (const event of this.#events) this.#lose(event)
    this.#events = []
  }

  #lose (event: LoggedEvent): void {
    this.#bytes -= event.bytes.length
    this.#forgotten = event.number
    if (!event.sent) this.#observer.lost()
  }
}
