import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { JSONRPCMessage } from '../json-rpc.js'
import type { StandingWire, WriteResult } from './wire.js'

/** Large events go to the socket in slices, so that a slow reader's progress can be seen. */
const SLICE_BYTES = 65_536

/** A reader that has taken nothing for so many heartbeats, while bytes wait for it, is gone. */
const STALLED_HEARTBEATS = 4

/** Milliseconds for which whoever writes waits for a reader that takes nothing. */
const PATIENCE_MS = 1_000

/** Milliseconds that an ended stream gets to deliver what waits, before it is cut. */
const LINGER_MS = 2_000

/** Milliseconds after which a client may try another instance (HTML Living Standard, 9.2.6, the `retry` field). */
const RETRY_MS = 1_000

/**
 * A server-sent event stream (HTML Living Standard, 9.2) that never holds more than `limitBytes` for its reader.
 * `readable` is what a reply sends: it keeps the host's headers and hooks, which a write to the socket would lose.
 */
export class SseStream implements StandingWire {
  readonly readable = new Readable({ read () {} })
  readonly #limitBytes: number
  #response: ServerResponse | undefined
  #queuedBytes = 0
  #deliveredBytes = 0
  #stalledHeartbeats = 0
  #ended = false
  #patient = true
  #draining: Promise<void> | undefined

  /** @param limitBytes How many bytes may wait for the reader, in the stream and its socket together. */
  constructor (limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Counts what waits in the response's socket as well. Call it when the stream is given to a reply. */
  attach (response: ServerResponse): void {
    this.#response = response
  }

  get bufferedBytes (): number {
    return this.readable.readableLength + (this.#response?.writableLength ?? 0)
  }

  get connected (): boolean { return !this.#ended }

  write (message: JSONRPCMessage): WriteResult {
    return this.writeEvent('message', JSON.stringify(message))
  }

  /** Queues one event; `data` is a single line. */
  writeEvent (event: string, data: string): WriteResult {
    // A string has at most as many UTF-16 units as UTF-8 bytes: refuse the giant before it is copied.
    if (data.length > this.#limitBytes) return 'oversized'
    return this.writeBytes(Buffer.from(`event: ${event}\ndata: ${data}\n\n`))
  }

  /** Queues what is an event already. The bytes are not copied: nobody may change them any more. */
  writeBytes (bytes: Buffer): WriteResult {
    if (bytes.length > this.#limitBytes) return 'oversized'
    if (this.bufferedBytes + bytes.length > this.#limitBytes) return 'full'
    this.#push(bytes)
    return 'written'
  }

  /**
   * Where more than half of the limit waits: settles when it does no more, when the stream is over, or when the reader
   * took nothing for a second. From then on nobody waits for it until it takes something again.
   */
  drained (): Promise<void> | undefined {
    const response = this.#response
    if (response === undefined || !this.#patient || !this.#isHalfFull) return undefined
    return (this.#draining ??= this.#drain(response))
  }

  heartbeat (): boolean {
    // Its server is still being built, or it waits for its turn on its connection (pipelining): nothing can move yet.
    if (this.#response === undefined || this.#response.socket === null) return true
    const waiting = this.bufferedBytes
    const delivered = this.#queuedBytes - waiting
    if (waiting === 0) {
      this.#push(Buffer.from(': heartbeat\n\n'))
    }
    if (waiting === 0 || delivered > this.#deliveredBytes) {
      this.#deliveredBytes = delivered
      this.#stalledHeartbeats = 0
      return true
    }
    return ++this.#stalledHeartbeats < STALLED_HEARTBEATS
  }

  /** With `retry` it tells the client when to come back. */
  end ({ retry = true } = {}): void {
    if (this.#ended) return
    if (retry) this.#push(Buffer.from(`retry: ${RETRY_MS}\n\n`))
    this.#ended = true
    this.readable.push(null)
    const response = this.#response
    if (response === undefined || response.closed) return
    if (response.socket === null) response.once('socket', () => { this.#linger(response) })
    else this.#linger(response)
  }

  destroy (): void {
    this.#ended = true
    this.readable.destroy()
    this.#response?.destroy()
  }

  get #isHalfFull (): boolean { return this.bufferedBytes > this.#limitBytes / 2 }

  async #drain (response: ServerResponse): Promise<void> {
    while (this.#patient && this.#isHalfFull && !response.closed) this.#patient = await moves(response)
    this.#draining = undefined
    if (!this.#patient) response.once('drain', () => { this.#patient = true })
  }

  #linger (response: ServerResponse): void {
    const cut = setTimeout(() => { this.destroy() }, LINGER_MS).unref()
    response.once('close', () => { clearTimeout(cut) })
  }

  #push (bytes: Buffer): void {
    if (this.#ended || this.readable.destroyed) return
    this.#queuedBytes += bytes.length
    for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
      this.readable.push(bytes.subarray(start, start + SLICE_BYTES))
    }
  }
}

/** Whether the reader takes something, or the stream ends, before patience does. */
function moves (response: ServerResponse): Promise<boolean> {
  return new Promise(resolve => {
    const settle = (moved: boolean) => {
      clearTimeout(timer)
      response.off('drain', move).off('close', move)
      resolve(moved)
    }
    const move = () => { settle(true) }
    const timer = setTimeout(settle, PATIENCE_MS, false).unref()
    response.on('drain', move).on('close', move)
  })
}
