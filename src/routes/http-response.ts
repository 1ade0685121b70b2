import type { FastifyReply } from 'fastify'
import type { HttpResponse } from '../streams/post-reply.js'
import type { SseStream } from '../streams/sse-stream.js'
import { onceClosed, prepareStream } from './prepare-stream.js'

/** A Fastify reply, for the streams of a session: all that goes through it keeps the host's headers and hooks. */
export class ReplyResponse implements HttpResponse {
  readonly #reply: FastifyReply
  readonly #heartbeatSeconds: number
  /** Length of the answer that was given to the host's hooks, which may take their time. */
  #length = 0

  constructor (reply: FastifyReply, heartbeatSeconds: number) {
    this.#reply = reply
    this.#heartbeatSeconds = heartbeatSeconds
  }

  get gone (): boolean { return this.#reply.raw.destroyed || this.#reply.request.raw.socket.destroyed }

  get bufferedBytes (): number {
    const { writableEnded, writableLength } = this.#reply.raw
    return writableEnded ? writableLength : this.#length
  }

  json (text: string): void {
    this.#length = text.length
    // An initialize that was refused opened no session.
    if (this.#reply.request.mcpSession?.record.protocolVersion !== undefined) this.#nameSession()
    void this.#reply.type('application/json; charset=utf-8').send(text)
  }

  stream (stream: SseStream): void {
    this.#nameSession()
    void this.#reply.send(prepareStream(this.#reply, stream, this.#heartbeatSeconds))
  }

  onClose (callback: () => void): void { onceClosed(this.#reply, callback) }

  destroy (): void { this.#reply.raw.destroy() }

  // The answer to `initialize` tells the client which session it has.
  #nameSession (): void {
    const { mcpSession, headers } = this.#reply.request
    if (mcpSession !== null && headers['mcp-session-id'] === undefined) void this.#reply.header('mcp-session-id', mcpSession.sessionId)
  }
}
