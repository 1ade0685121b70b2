import type { JSONRPCMessage, RequestId } from '../json-rpc.js'
import type { Patience } from './patience.js'
import type { ResumableStream } from './resumable-stream.js'
import { SseStream } from './sse-stream.js'
import type { Reply, WriteResult } from './wire.js'

/** The HTTP response of a POST, as a reply sees it. */
export interface HttpResponse {
  /** Whether its client went away. */
  readonly gone: boolean
  /** Bytes that wait for the reader. */
  readonly bufferedBytes: number
  json (text: string): void
  stream (stream: SseStream): void
  /** Calls back when the connection is over, or the response is out. */
  onClose (callback: () => void): void
  destroy (): void
}

/** What a reply needs of its session's streams. */
export interface ReplyAccount {
  readonly limitBytes: number
  readonly bufferedBytes: number
  readonly patience: Patience
  /** A new stream that begins in that response. */
  openStream (response: HttpResponse): ResumableStream
  /** Forgets a stream that is finished, once nobody reads it any more. */
  closeStream (stream: ResumableStream): void
  /** Counts what waits in a response until it is out. */
  watch (response: HttpResponse): void
}

/**
 * Where the requests of one POST are answered: with JSON if all that comes are their answers, and soon; with an event
 * stream once anything else comes, or nothing came for about a second (MCP specification, "Transports", "Sending Messages to the Server").
 */
export class PostReply implements Reply {
  readonly #response: HttpResponse
  readonly #account: ReplyAccount
  readonly #isBatch: boolean
  #unanswered: number
  #answers: string[] | undefined
  #size = 0
  #stream: ResumableStream | undefined

  /** @param requests How many requests it is for, in a batch; undefined outside of one. */
  constructor (response: HttpResponse, account: ReplyAccount, requests?: number) {
    this.#response = response
    this.#account = account
    this.#isBatch = requests !== undefined
    this.#unanswered = requests ?? 1
    account.patience.wait(this)
  }

  get connected (): boolean { return this.#stream?.connected ?? !this.#response.gone }

  get finished (): boolean { return this.#stream?.finished === true }

  write (message: JSONRPCMessage): WriteResult {
    const isAnswer = !('method' in message)
    const result = isAnswer && this.#stream === undefined ? this.#collect(message) : (this.#openedStream()?.write(message) ?? 'unreachable')
    // An oversized answer is not the last word: whoever wrote it writes an error in its place.
    if (isAnswer && result !== 'oversized') this.settle()
    return result
  }

  drained (): Promise<void> | undefined { return this.#stream?.drained() }

  withdraw (id: RequestId): void { this.#stream?.withdraw(id) }

  settle (): void {
    if (--this.#unanswered > 0) return
    this.#account.patience.done(this)
    if (this.#stream !== undefined) {
      this.#stream.finish()
      this.#account.closeStream(this.#stream)
    } else if (!this.#response.gone) {
      this.#answer(this.#answers ?? [])
    }
  }

  /** Gives the response back to who began it, if nothing was written to it. */
  release (): boolean {
    this.#account.patience.done(this)
    return this.#stream === undefined
  }

  pause (): void { this.#openedStream()?.pause() }

  /** Nothing came for about a second: from now on heartbeats say that somebody works on it. */
  expire (): void { this.#openedStream() }

  #collect (message: JSONRPCMessage): WriteResult {
    if (this.#response.gone) return 'unreachable'
    const text = JSON.stringify(message)
    const { limitBytes, bufferedBytes } = this.#account
    if (text.length > limitBytes) return 'oversized'
    this.#size += text.length
    if (bufferedBytes + this.#size > limitBytes) {
      this.#response.destroy()
      return 'full'
    }
    (this.#answers ??= []).push(text)
    return 'written'
  }

  #answer (answers: string[]): void {
    const [first] = answers
    if (first === undefined) {
      // All that was asked was cancelled: a stream without a message is the only answer that says nothing.
      const empty = new SseStream(this.#account.limitBytes)
      empty.end({ retry: false })
      this.#response.stream(empty)
    } else {
      this.#response.json(this.#isBatch ? `[${answers.join(',')}]` : first)
      this.#account.watch(this.#response)
    }
  }

  #openedStream (): ResumableStream | undefined {
    if (this.#stream !== undefined || this.#response.gone) return this.#stream
    this.#account.patience.done(this)
    const stream = this.#account.openStream(this.#response)
    this.#stream = stream
    for (const answer of this.#answers ?? []) stream.writeText(answer)
    return stream
  }
}
