import { isRequest, type JSONRPCMessage, type RequestId } from '../json-rpc.js'
import type { EventLog } from './event-log.js'
import type { SseStream } from './sse-stream.js'
import type { Wire, WriteResult } from './wire.js'

/** What the streams of one session share. */
export interface StreamAccount {
  readonly log: EventLog
  /** Bytes that may wait for the session's client, and the largest message. */
  readonly limitBytes: number
  /** Bytes that wait for the session's client, on all of its connections. */
  readonly bufferedBytes: number
  /** A client came back for events that a connection was given, and that are no longer kept. */
  gap (): void
}

/**
 * A stream as the specification means it: it outlives its connections. Every event has an id and stays in the log,
 * from which a client that comes back is given what it missed.
 */
export class ResumableStream implements Wire {
  readonly id: number
  readonly #account: StreamAccount
  #connection: SseStream | undefined
  /** Whether the client can name a place in this stream, and so come back to it. */
  #resumable: boolean
  #finished = false
  /** The number of the last event that a connection was given. */
  #given = 0

  /** @param standing Whether a client can come to it without naming a place in it. */
  constructor (id: number, account: StreamAccount, standing = false) {
    this.id = id
    this.#account = account
    this.#resumable = standing
  }

  get connected (): boolean { return this.#connection !== undefined }

  /** Whether everything has been said. */
  get finished (): boolean { return this.#finished }

  get bufferedBytes (): number { return this.#connection?.bufferedBytes ?? 0 }

  write (message: JSONRPCMessage): WriteResult {
    if (!this.connected && !this.#resumable) return 'unreachable'
    return this.writeText(JSON.stringify(message), isRequest(message) ? message.id : undefined)
  }

  /** Writes what is JSON already; `request` is the id of a request to the client. */
  writeText (data: string, request?: RequestId): WriteResult {
    const { log, limitBytes } = this.#account
    const connection = this.#connection
    // A string has at most as many UTF-16 units as UTF-8 bytes: refuse the giant before it is copied.
    if (data.length > limitBytes) return 'oversized'
    const number = log.nextNumber()
    const bytes = encode(`event: message\nid: ${this.id}-${number}\ndata: ${data}\n\n`)
    if (bytes.length > limitBytes) return 'oversized'
    if (connection !== undefined && this.#account.bufferedBytes + bytes.length > limitBytes) return 'full'
    log.add({ stream: this.id, number, bytes, request, follows: this.#given, sent: connection !== undefined })
    if (connection === undefined) return 'kept'
    this.#given = number
    this.#resumable = true
    return connection.writeBytes(bytes)
  }

  drained (): Promise<void> | undefined { return this.#connection?.drained() }

  withdraw (id: RequestId): void { this.#account.log.withdraw(this.id, id) }

  /**
   * Gives the stream a connection, in place of the one that it may have had: what comes after event number `after` is
   * written again; without a number, what no connection was ever given.
   */
  connect (connection: SseStream, after?: number): void {
    const { log } = this.#account
    this.#connection?.end()
    this.#connection = connection
    const missed = after === undefined ? log.unsent(this.id) : log.after({ stream: this.id, number: after })
    if (after !== undefined && (missed[0]?.follows ?? this.#given) > after) this.#account.gap()
    for (const event of missed) {
      // It fits: the log never holds more than a connection may.
      connection.writeBytes(event.bytes)
      if (event.sent) continue
      event.sent = true
      event.follows = this.#given
      this.#given = event.number
    }
    if (this.#finished) this.finish()
  }

  /** Tells the client where it is before anything is said: an event with an id and no data (MCP 2025-11-25). */
  prime (): void {
    this.#resumable = true
    this.#given = this.#account.log.nextNumber()
    this.#connection?.writeBytes(encode(`id: ${this.id}-${this.#given}\ndata: \n\n`))
  }

  /** Forgets a connection that is over. */
  disconnect (connection: SseStream): void {
    if (this.#connection === connection) this.#connection = undefined
  }

  /** Ends the connection, and tells the client when to come back. */
  pause (): void { this.#connection?.end() }

  /** Everything has been said. */
  finish (): void {
    this.#finished = true
    this.#connection?.end({ retry: false })
  }

  /** See `SseStream.heartbeat`: a reader that is gone may come back, so that only its connection is cut. */
  heartbeat (): void {
    if (this.#connection?.heartbeat() === false) this.destroy()
  }

  destroy (): void { this.#connection?.destroy() }
}

/** Bytes in memory of their own: they may stay in the log long after the pool that small buffers share. */
function encode (text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}
