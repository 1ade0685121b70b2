import { errors, RpcCode } from '../errors.js'
import { errorResponse, isRequest, type JSONRPCMessage, type RequestId } from '../json-rpc.js'
import type { Reply } from '../streams/wire.js'

/** Requests that one session may have in flight: more is a client that does not wait for answers. */
export const MAX_REQUESTS_IN_FLIGHT = 1_000

/** The client's requests that wait for their answers, each with its own reply where its transport has one. */
export class InFlight {
  /** Only while there are any: an idle session is small. */
  #replies: Map<RequestId, Reply | undefined> | undefined

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

  add (id: RequestId, reply: Reply | undefined): void { (this.#replies ??= new Map()).set(id, reply) }

  has (id: RequestId): boolean { return this.#replies?.has(id) === true }

  /** Where a request that is in flight is answered. */
  replyTo (id: RequestId): Reply | undefined { return this.#replies?.get(id) }

  /** The same, for the answer: the request is in flight no more. */
  take (id: RequestId): Reply | undefined {
    const reply = this.#replies?.get(id)
    this.#replies?.delete(id)
    if (this.size === 0) this.#replies = undefined
    return reply
  }

  /** Tells everybody who waits that nothing will come. */
  end (why: string): void {
    for (const [id, reply] of this.#replies ?? []) reply?.write(errorResponse(id, RpcCode.internalError, why))
    this.#replies = undefined
  }
}
