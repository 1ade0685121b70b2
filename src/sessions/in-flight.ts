import { errors, RpcCode } from '../errors.js'
import { errorResponse, isRequest, isRequestId, type JSONRPCMessage, type JSONRPCRequest, type RequestId } from '../json-rpc.js'
import type { Reply, Wire } from '../streams/wire.js'

/** Requests that one session may have in flight: more is a client that does not wait for answers. */
export const MAX_REQUESTS_IN_FLIGHT = 1_000

/** The client's requests that wait for their answers, each with its own reply where its transport has one. */
export class InFlight {
  /** Only while there are any: an idle session is small. */
  #replies: Map<RequestId, Reply | undefined> | undefined
  #initializeId: RequestId | undefined

  get size (): number { return this.#replies?.size ?? 0 }

  /**
   * Checks that the requests among these messages can be taken, all of them.
   * @throws WEIR_ERR_INVALID_MESSAGE for an id that is already in flight, WEIR_ERR_TOO_MANY_IN_FLIGHT.
   */
  assertReceivable (messages: JSONRPCMessage[]): void {
    const ids = new Set<RequestId>()
    for (const message of messages) {
      if (!isRequest(message)) continue
      if (this.has(message.id) || ids.has(message.id)) throw errors.invalidMessage('A request with this id is in flight: their answers could not be told apart')
      ids.add(message.id)
    }
    if (this.size + ids.size > MAX_REQUESTS_IN_FLIGHT) throw errors.tooManyInFlight(`${MAX_REQUESTS_IN_FLIGHT} requests wait for an answer`, { 'retry-after': '1' })
  }

  add ({ id, method }: JSONRPCRequest, reply: Reply | undefined): void {
    (this.#replies ??= new Map()).set(id, reply)
    if (method === 'initialize') this.#initializeId = id
  }

  has (id: RequestId): boolean { return this.#replies?.has(id) === true }

  /** Whether it is the request that opens the session, and in flight. */
  isInitialize (id: RequestId | undefined): boolean { return id !== undefined && id === this.#initializeId }

  /** Where a request that is in flight is answered. */
  replyTo (id: RequestId | undefined): Reply | undefined { return id === undefined ? undefined : this.#replies?.get(id) }

  /** The same, for the answer: the request is in flight no more. */
  take (id: RequestId): Reply | undefined {
    const reply = this.#replies?.get(id)
    this.#replies?.delete(id)
    if (this.isInitialize(id)) this.#initializeId = undefined
    if (this.size === 0) this.#replies = undefined
    return reply
  }

  /** A request will get no answer, unless it is `initialize`, which can't be cancelled. */
  abandon (id: unknown): void {
    if (isRequestId(id) && !this.isInitialize(id) && this.has(id)) this.take(id)?.settle()
  }

  /** Tells everybody who waits that nothing will come, over `wire` where a request has no reply of its own. */
  end (why: string, wire?: Wire): void {
    for (const [id, reply] of this.#replies ?? []) (reply ?? wire)?.write(errorResponse(id, RpcCode.internalError, why))
    this.#replies = undefined
  }
}
