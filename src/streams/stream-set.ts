import type { JSONRPCMessage, RequestId } from '../json-rpc.js'
import { EventLog } from './event-log.js'
import type { Patience } from './patience.js'
import { PostReply, type HttpResponse, type ReplyAccount } from './post-reply.js'
import { ResumableStream, type StreamAccount } from './resumable-stream.js'
import { SseStream } from './sse-stream.js'
import type { StandingWire, WriteResult } from './wire.js'

/** The id of the standing stream; those of POSTs count up from it. */
const STANDING = 0

/** What is told of a session's streams. */
export interface StreamSetObserver {
  /** A message had to go before its client came back for it. */
  lost (): void
  /** A client came back for messages that it may never have got, and that are no longer kept. */
  gap (): void
  /** A stream lost its connection before everything was said. */
  away (): void
}

/** Where a client goes on: on a stream, after an event or, without a number, with what it never was given. */
export interface Place { stream: ResumableStream, after: number | undefined }

/**
 * All streams of one Streamable HTTP session, with one log, and one limit for all that waits for its client. As a wire it is
 * the standing stream: what relates to no request goes there, or waits in the log until a client opens it.
 */
export class StreamSet implements StandingWire, StreamAccount, ReplyAccount {
  readonly limitBytes: number
  readonly patience: Patience
  readonly log: EventLog
  /** Whether the client understands an event without data (from MCP 2025-11-25 on). */
  primes = false
  readonly #observer: StreamSetObserver
  readonly #standing: ResumableStream
  /** Streams of POSTs that are not finished, or still read. */
  #streams: Map<number, ResumableStream> | undefined
  /** JSON answers that are not out yet. */
  #pending: Set<HttpResponse> | undefined
  #lastId = STANDING

  constructor (limitBytes: number, patience: Patience, observer: StreamSetObserver) {
    this.limitBytes = limitBytes
    this.patience = patience
    this.#observer = observer
    this.log = new EventLog(limitBytes, observer)
    this.#standing = new ResumableStream(STANDING, this, true)
  }

  get connected (): boolean { return this.#standing.connected }

  /** Whether anybody reads any of the streams, or an answer is still on its way out. */
  get inUse (): boolean {
    if (this.#standing.connected || (this.#pending?.size ?? 0) > 0) return true
    for (const stream of this.#streams?.values() ?? []) if (stream.connected) return true
    return false
  }

  get bufferedBytes (): number {
    let bytes = this.#standing.bufferedBytes
    if (this.#streams !== undefined) for (const stream of this.#streams.values()) bytes += stream.bufferedBytes
    if (this.#pending !== undefined) for (const response of this.#pending) bytes += response.bufferedBytes
    return bytes
  }

  write (message: JSONRPCMessage): WriteResult { return this.#standing.write(message) }

  drained (): Promise<void> | undefined { return this.#standing.drained() }

  withdraw (id: RequestId): void { this.#standing.withdraw(id) }

  /** Where the requests of one POST are answered; `requests` says how many a batch has. */
  reply (response: HttpResponse, requests?: number): PostReply {
    return new PostReply(response, this, requests)
  }

  openStream (response: HttpResponse): ResumableStream {
    const stream = new ResumableStream(++this.#lastId, this)
    ;(this.#streams ??= new Map()).set(stream.id, stream)
    this.#connect({ stream, after: undefined }, response)
    return stream
  }

  closeStream (stream: ResumableStream): void {
    if (!stream.connected) this.#streams?.delete(stream.id)
  }

  /** Answers a GET with the stream that it means. */
  open (place: Place, response: HttpResponse): void {
    // A stream whose reader is gone is finished all the same: it is kept until what is left of it was read.
    if (place.stream !== this.#standing) (this.#streams ??= new Map()).set(place.stream.id, place.stream)
    this.#connect(place, response)
  }

  /**
   * The place that a `Last-Event-ID` names; without one the standing stream. `unknown` was never given to this client,
   * of `lost` the log no longer knows what followed, and nothing follows on what is `over`.
   */
  find (lastEventId: string | undefined): Place | 'unknown' | 'lost' | 'over' {
    if (lastEventId === undefined) return { stream: this.#standing, after: undefined }
    const [, id, after] = /^(\d{1,15})-(\d{1,15})$/.exec(lastEventId)?.map(Number) ?? []
    if (id === undefined || after === undefined || id > this.#lastId || !this.log.hasReached(after)) return 'unknown'
    const live = id === STANDING ? this.#standing : this.#streams?.get(id)
    if (live !== undefined) return { stream: live, after }
    if (this.log.after({ stream: id, number: after }).length === 0) return this.log.hasForgottenAfter(after) ? 'lost' : 'over'
    const stream = new ResumableStream(id, this)
    stream.finish()
    return { stream, after }
  }

  watch (response: HttpResponse): void {
    if (response.bufferedBytes === 0) return
    const pending = (this.#pending ??= new Set())
    pending.add(response)
    response.onClose(() => { pending.delete(response) })
  }

  gap (): void { this.#observer.gap() }

  /** Ends the standing stream's connection: the client comes back. */
  pause (): void { this.#standing.pause() }

  heartbeat (): boolean {
    this.#standing.heartbeat()
    for (const stream of this.#streams?.values() ?? []) stream.heartbeat()
    return true
  }

  end (): void {
    // The streams of POSTs end with their last answer, which everybody who waits is given.
    this.pause()
    this.log.clear()
  }

  destroy (): void {
    this.#standing.destroy()
    for (const stream of this.#streams?.values() ?? []) stream.destroy()
    for (const response of this.#pending ?? []) response.destroy()
    this.log.clear()
  }

  #connect ({ stream, after }: Place, response: HttpResponse): void {
    const connection = new SseStream(this.limitBytes)
    stream.connect(connection, after)
    if (this.primes && after === undefined) stream.prime()
    // The headers go out with the first bytes: a client must not wait for them until there is news.
    if (connection.bufferedBytes === 0) connection.writeBytes(Buffer.from(': heartbeat\n\n'))
    response.stream(connection)
    response.onClose(() => {
      stream.disconnect(connection)
      if (stream.connected) return
      if (stream.finished) this.closeStream(stream)
      else this.#observer.away()
    })
  }
}
