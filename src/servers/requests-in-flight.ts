import { isCancellation, isRequest, isRequestId, type JSONRPCMessage, type JSONRPCNotification, type JSONRPCRequest, type RequestId } from '../json-rpc.js'

/** What a child was asked and has not answered, so that what it says beside can be told where it belongs. */
export class RequestsInFlight {
  /** With the token by which each wants to hear of its progress. */
  readonly #tokens = new Map<RequestId, RequestId | undefined>()
  readonly #byToken = new Map<RequestId, RequestId>()

  /** Whom to tell that no answer will come. */
  ids (): RequestId[] { return [...this.#tokens.keys()] }

  /** Notes what the client says. */
  note (message: JSONRPCMessage): void {
    if (isRequest(message)) {
      const token = progressTokenOf(message)
      this.#tokens.set(message.id, token)
      if (token !== undefined) this.#byToken.set(token, message.id)
    } else if (isCancellation(message) && isRequestId(message.params?.['requestId'])) {
      this.delete(message.params['requestId'])
    }
  }

  /** It was answered, or cancelled. */
  delete (id: RequestId): void {
    const token = this.#tokens.get(id)
    this.#tokens.delete(id)
    if (token !== undefined) this.#byToken.delete(token)
  }

  clear (): void {
    this.#tokens.clear()
    this.#byToken.clear()
  }

  /**
   * The request that a notification or request of the child's relates to: the one whose progress it tells. Log messages and
   * requests come without a name: they relate to the only request in flight, if it is the only one.
   */
  relatedTo (message: JSONRPCRequest | JSONRPCNotification): RequestId | undefined {
    if (message.method === 'notifications/progress') {
      const token = message.params?.['progressToken']
      return isRequestId(token) ? this.#byToken.get(token) : undefined
    }
    const isUnnamed = 'id' in message || message.method === 'notifications/message' || message.method === 'notifications/cancelled'
    return isUnnamed && this.#tokens.size === 1 ? this.#tokens.keys().next().value : undefined
  }
}

function progressTokenOf ({ params }: JSONRPCRequest): RequestId | undefined {
  const meta: { progressToken?: unknown } | undefined = params?._meta
  return isRequestId(meta?.progressToken) ? meta.progressToken : undefined
}
