import type { RequestId } from '../json-rpc.js'
import { ONE_SECOND, type Patience, type Waiting } from '../streams/patience.js'
import type { Wire } from '../streams/wire.js'

/** Requests that a server may have waiting for one client's answer. */
const MAX_WAITING = 1_000

/** How long a request waits for a client whose connection broke: clients come back after a second or two. */
const RETURN_TICKS = 5 * ONE_SECOND

interface ClientRequest {
  readonly wire: Wire
  /** Set while its client is away. */
  expected: Waiting | undefined
}

/** A server's requests (sampling, elicitation, roots) that wait for their client's answer: none waits for a client that can't be reached. */
export class ClientRequests {
  readonly #patience: Patience
  readonly #server: { failRequest (id: RequestId): void }
  #waiting: Map<RequestId, ClientRequest> | undefined

  /** @param server Told of each request that its client will not answer. */
  constructor (patience: Patience, server: { failRequest (id: RequestId): void }) {
    this.#patience = patience
    this.#server = server
  }

  get size (): number { return this.#waiting?.size ?? 0 }

  get isFull (): boolean { return this.size >= MAX_WAITING }

  /** Notes a request that was written, or is kept for a client that has yet to open its stream. */
  add (id: RequestId, wire: Wire): void {
    const request: ClientRequest = { wire, expected: undefined }
    ;(this.#waiting ??= new Map()).set(id, request)
    if (!wire.connected) this.#expect(id, request, ONE_SECOND)
  }

  /** The client answered. */
  forget (id: RequestId): void {
    const request = this.#waiting?.get(id)
    if (request === undefined) return
    this.#waiting?.delete(id)
    if (request.expected !== undefined) this.#patience.done(request.expected)
  }

  /** The server waits no longer: what was kept for the client is taken back. */
  withdraw (id: RequestId): void {
    this.#waiting?.get(id)?.wire.withdraw?.(id)
    this.forget(id)
  }

  /** A connection broke: what was asked on it waits a little for its client. */
  expectReturn (): void {
    for (const [id, request] of this.#waiting ?? []) {
      // What went out before the last answer of its stream was read with it: its client may take its time.
      if (!request.wire.connected && request.wire.finished !== true && request.expected === undefined) this.#expect(id, request, RETURN_TICKS)
    }
  }

  clear (): void {
    for (const id of this.#waiting?.keys() ?? []) this.forget(id)
  }

  #expect (id: RequestId, request: ClientRequest, ticks: number): void {
    request.expected = {
      expire: () => {
        request.expected = undefined
        if (request.wire.connected) return
        this.withdraw(id)
        this.#server.failRequest(id)
      }
    }
    this.#patience.wait(request.expected, ticks)
  }
}
