import { hash } from 'node:crypto'
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js'
import { errors, RETRY_LATER, RpcCode } from '../errors.js'
import { errorResponse, isNotification, isRequest, type JSONRPCMessage, type RequestId } from '../json-rpc.js'
import type { StandingWire, Wire } from '../streams/wire.js'
import { noteMessage, type SessionRecord } from './session-record.js'
import type { CloseReason, ReceiveContext, ServerInstance, SessionObserver } from './session-types.js'

/** Requests that one session may have in flight: more is a client that does not wait for answers. */
export const MAX_REQUESTS_IN_FLIGHT = 1_000

/**
 * One client's conversation with one server instance, over any wire transport: the SDK's `Transport`.
 * A response, and whatever relates to a request with a reply of its own, goes to that reply; all else to the standing stream.
 */
export class Session implements Transport {
  readonly record: SessionRecord
  /** Who this session counts for: its principal, or without keys its client's address. */
  readonly clientKey: string
  /** When the last message went in or out, on the registry's clock, which keeps it. */
  lastActivity = 0
  // The SDK sets these three in `connect`.
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void
  onclose?: () => void
  onerror?: (error: Error) => void

  readonly #observer: SessionObserver
  readonly #inFlight = new Map<RequestId, Wire | undefined>()
  #stream: StandingWire | undefined
  #instance: ServerInstance | undefined
  #closeReason: CloseReason | undefined
  #initializeId: RequestId | undefined
  #hash: string | undefined
  /** Rejects a `connect` that has not come to its end. */
  #abandonConnect: (() => void) | undefined

  constructor (record: SessionRecord, clientKey: string, observer: SessionObserver) {
    this.record = record
    this.clientKey = clientKey
    this.#observer = observer
  }

  get sessionId (): string { return this.record.id }

  /** Stands for the session in logs: its id is a secret. */
  get hash (): string {
    return (this.#hash ??= hash('sha256', this.record.id).slice(0, 12))
  }

  /** Whether a request waits for its answer. A busy session is not idle. */
  get busy (): boolean { return this.#inFlight.size > 0 }

  /** Why the session ended, undefined while it lives. */
  get closeReason (): CloseReason | undefined { return this.#closeReason }

  /** Bytes that wait for this client in the process. */
  get bufferedBytes (): number { return this.#stream?.bufferedBytes ?? 0 }

  /** Gives the session its standing stream. */
  attachStream (stream: StandingWire): void { this.#stream = stream }

  /**
   * Builds the server instance and joins it to this session.
   * @throws WEIR_ERR_SERVER_FAILED if it could not be built, WEIR_ERR_SESSION_CLOSED if the session ended meanwhile;
   * nothing is left behind then.
   */
  async connect (createInstance: () => ServerInstance | Promise<ServerInstance>): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#abandonConnect = reject
        this.#join(createInstance).then(resolve, reject)
      })
    } catch (error) {
      if (this.#closeReason !== undefined) throw errors.sessionClosed(undefined, RETRY_LATER)
      void this.close('error')
      // Whoever answers with it counts it and logs its cause.
      throw Object.assign(errors.serverFailed(), { cause: error })
    } finally {
      this.#abandonConnect = undefined
    }
  }

  /** Called by the SDK's `connect`. */
  async start (): Promise<void> {}

  /**
   * Hands the server a message of the client's.
   * @throws WEIR_ERR_INVALID_MESSAGE for a request id that is already in flight, WEIR_ERR_TOO_MANY_IN_FLIGHT.
   */
  receive (message: JSONRPCMessage, { authInfo, requestInfo, reply }: ReceiveContext = {}): void {
    if (isRequest(message)) {
      if (this.#inFlight.has(message.id)) throw errors.invalidMessage('A request with this id is in flight: their answers could not be told apart')
      if (this.#inFlight.size >= MAX_REQUESTS_IN_FLIGHT) throw errors.tooManyInFlight(`${MAX_REQUESTS_IN_FLIGHT} requests wait for an answer`, { 'retry-after': '1' })
      this.#inFlight.set(message.id, reply)
      if (message.method === 'initialize') this.#initializeId = message.id
    }
    this.#observer.active(this)
    this.#observer.received(this, message)
    try {
      noteMessage(this.record, message)
      this.onmessage?.(message, { ...(authInfo && { authInfo }), ...(requestInfo && { requestInfo }) })
    } catch (error) {
      // Nobody will answer it: it must not keep the session busy.
      if (isRequest(message)) this.#abandon(message.id)
      throw error
    }
    if (isNotification(message) && message.method === 'notifications/cancelled') this.#abandon(message.params?.['requestId'])
  }

  /**
   * Called by the server instance.
   * @throws WEIR_ERR_UNREACHABLE for a request that the client can't be given (what is not awaited is counted instead),
   * TypeError for a notification or request that is no JSON.
   */
  async send (message: JSONRPCMessage, { relatedRequestId }: TransportSendOptions = {}): Promise<void> {
    const wire = this.#wireFor(message, relatedRequestId)
    if (wire === undefined || this.#closeReason !== undefined) return this.#undelivered(message, this.#closeReason ?? 'no stream')
    this.#observer.active(this)
    switch (this.#write(wire, message)) {
      case 'written':
        this.#observer.sent(this)
        break
      case 'full':
        void this.close('slow-consumer')
        return this.#undelivered(message, 'slow-consumer')
      case 'oversized':
        this.#refuseOversized(wire, message)
    }
    if (!('method' in message) && !this.busy) this.#observer.settled(this)
    // Whoever awaits this leaves the reader its time; whoever does not finds the wire full.
    const drained = wire.drained?.()
    if (drained !== undefined) await drained
  }

  setProtocolVersion (version: string): void { this.record.protocolVersion = version }

  /** One beat of the registry's heartbeat: keeps the stream alive, or finds that its reader has gone. */
  heartbeat (): void {
    if (this.#stream?.heartbeat() === false) void this.close('disconnected')
  }

  /**
   * Ends the session: the one path, taken once. Its stream ends, its handlers are aborted, its server instance closes.
   * Without a reason it is the server instance that ends it (the SDK's `Transport.close`).
   */
  async close (reason: CloseReason = 'server'): Promise<void> {
    if (this.#closeReason !== undefined) return
    this.#closeReason = reason
    if (reason === 'slow-consumer' || reason === 'disconnected') this.#stream?.destroy()
    else this.#stream?.end()
    for (const reply of this.#inFlight.values()) reply?.end()
    this.#inFlight.clear()
    this.#abandonConnect?.()
    this.#tellServer()
    const instance = this.#instance
    // An instance that closes its transport is closing already.
    const ended = instance === undefined || reason === 'server' ? Promise.resolve() : this.#closeInstance(instance)
    this.#observer.closed(this, reason, ended)
    await ended
  }

  async #join (createInstance: () => ServerInstance | Promise<ServerInstance>): Promise<void> {
    const instance = await createInstance()
    this.#observer.adopt(instance)
    // The session ended while the instance was built: it has no use.
    if (this.#closeReason !== undefined) return await this.#closeInstance(instance)
    this.#instance = instance
    await instance.connect(this)
  }

  // The SDK answers no cancelled request; one that it answers all the same goes to the standing stream.
  #abandon (id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return
    this.#settle(id)?.end()
    if (!this.busy) this.#observer.settled(this)
  }

  // Its handlers are aborted by this. A server's own `onclose` may throw: the session ends all the same.
  #tellServer (): void {
    try {
      this.onclose?.()
    } catch (error) {
      this.#observer.failed(this, error)
    }
  }

  #wireFor (message: JSONRPCMessage, relatedRequestId: RequestId | undefined): Wire | undefined {
    if ('method' in message) return (relatedRequestId === undefined ? undefined : this.#inFlight.get(relatedRequestId)) ?? this.#stream
    if (message.id === undefined) return this.#stream
    if (message.id === this.#initializeId) this.#noteVersion(message)
    return this.#settle(message.id) ?? this.#stream
  }

  #settle (id: RequestId): Wire | undefined {
    const reply = this.#inFlight.get(id)
    this.#inFlight.delete(id)
    return reply
  }

  // A server of SDK v1 does not tell its transport what was negotiated.
  #noteVersion (message: JSONRPCMessage): void {
    this.#initializeId = undefined
    if ('result' in message && typeof message.result['protocolVersion'] === 'string') this.setProtocolVersion(message.result['protocolVersion'])
  }

  #write (wire: Wire, message: JSONRPCMessage) {
    try {
      return wire.write(message)
    } catch (error) {
      // A result that is no JSON: whoever asked must still get an answer.
      this.#observer.failed(this, error)
      if ('method' in message || message.id === undefined) throw error
      return wire.write(errorResponse(message.id, RpcCode.internalError, 'The answer could not be written as JSON'))
    }
  }

  #refuseOversized (wire: Wire, message: JSONRPCMessage): void {
    const oversized = errors.oversized('Raise STREAM_BUFFER_BYTES (streamBufferBytes) or answer with less')
    this.#observer.failed(this, oversized)
    if ('method' in message) return this.#undelivered(message, 'oversized')
    if (message.id === undefined || wire.write(errorResponse(message.id, RpcCode.internalError, `${oversized.message}. ${oversized.detail}`)) === 'written') return
    this.#undelivered(message, 'slow-consumer')
    void this.close('slow-consumer')
  }

  #undelivered (message: JSONRPCMessage, why: string): void {
    this.#observer.dropped(this, why)
    if (isRequest(message)) throw errors.unreachable(why)
  }

  async #closeInstance (instance: ServerInstance): Promise<void> {
    try {
      await instance.close()
    } catch (error) {
      this.#observer.failed(this, error)
    }
  }
}
