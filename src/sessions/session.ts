import { hash } from 'node:crypto'
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js'
import { describe, errors, RETRY_LATER, RpcCode, serverFailed } from '../errors.js'
import { errorResponse, isCancellation, isNotification, isRequest, isRequestId, type JSONRPCMessage, type RequestId } from '../json-rpc.js'
import type { Patience } from '../streams/patience.js'
import { StreamSet, type StreamSetObserver } from '../streams/stream-set.js'
import type { StandingWire, Wire, WriteResult } from '../streams/wire.js'
import { ClientRequests } from './client-requests.js'
import { deliver } from './deliver.js'
import { InFlight } from './in-flight.js'
import { messageExtra } from './message-extra.js'
import { noteMessage, type SessionRecord } from './session-record.js'
import { SessionServer, type ServedSession } from './session-server.js'
import type { CloseReason, CreateInstance, ReceiveContext, ServerInstance, SessionObserver } from './session-types.js'

/** The first revision in which a stream begins with an event without data, and may end early. */
const FIRST_WITH_PRIMING = '2025-11-25'

/** Why a message that was not written has no receiver. */
const UNDELIVERED = { unreachable: 'its client went away', full: 'slow-consumer', oversized: 'oversized' } as const

/**
 * One client's conversation with one server instance, over any wire transport. A response, and whatever relates to a request
 * with a reply of its own, goes to that reply; all else to the standing stream.
 */
export class Session implements ServedSession, StreamSetObserver {
  readonly record: SessionRecord
  /** Who this session counts for: its principal, or without keys its client's address. */
  readonly clientKey: string
  /** When the last message went in or out, on the registry's clock, which keeps it. */
  lastActivity = 0
  /** The streams of a Streamable HTTP session. */
  streams: StreamSet | undefined

  readonly #observer: SessionObserver
  readonly #patience: Patience
  readonly #server: SessionServer
  readonly #inFlight = new InFlight()
  readonly #asked: ClientRequests
  #stream: StandingWire | undefined
  #closeReason: CloseReason | undefined
  #hash: string | undefined

  constructor (record: SessionRecord, clientKey: string, observer: SessionObserver, patience: Patience) {
    this.record = record
    this.clientKey = clientKey
    this.#observer = observer
    this.#patience = patience
    this.#server = new SessionServer(this)
    this.#asked = new ClientRequests(patience, this)
  }

  get sessionId (): string { return this.record.id }

  /** Stands for the session in logs: its id is a secret. */
  get hash (): string {
    return (this.#hash ??= hash('sha256', this.record.id).slice(0, 12))
  }

  /** Whether a request waits for its answer. A busy session is not idle. */
  get busy (): boolean { return this.requestsInFlight > 0 }
  get requestsInFlight (): number { return this.#inFlight.size }

  /** Whether it is without work and without a reader: such a session may give way, or sleep. */
  get abandoned (): boolean {
    return !this.busy && !this.#server.building && this.#asked.size === 0 && this.streams?.inUse === false
  }

  /** Whether its server instance was let go until the next message. */
  get asleep (): boolean { return this.#server.asleep }

  /** Why the session ended, undefined while it lives. */
  get closeReason (): CloseReason | undefined { return this.#closeReason }

  /** Bytes that wait for this client in the process. */
  get bufferedBytes (): number { return this.#stream?.bufferedBytes ?? 0 }

  /** Bytes that are kept for this client's return. */
  get keptBytes (): number { return this.streams?.log.bytes ?? 0 }

  /** Gives the session its standing stream. */
  attachStream (stream: StandingWire): void { this.#stream = stream }

  /** Gives the session streams of its own for each POST beside the standing one. */
  openStreams (limitBytes: number): void {
    this.streams = new StreamSet(limitBytes, this.#patience, this)
    this.#stream = this.streams
  }

  /**
   * Builds the server instance and joins it to this session. `createInstance` is called again when the session wakes.
   * @throws WEIR_ERR_SERVER_FAILED if it could not be built, WEIR_ERR_SESSION_CLOSED if the session ended meanwhile;
   * nothing is left behind then. Whoever answers with it counts it and logs its cause.
   */
  async connect (createInstance: CreateInstance): Promise<void> {
    try {
      await this.#server.connect(createInstance)
    } catch (error) {
      if (this.#closeReason !== undefined) throw errors.sessionClosed(undefined, RETRY_LATER)
      void this.close('error')
      throw serverFailed(error)
    }
  }

  /** Checks that all of these messages can be received: see `InFlight`. */
  assertReceivable (messages: JSONRPCMessage[]): void { this.#inFlight.assertReceivable(messages) }

  /** Hands the server a message of the client's, once `assertReceivable` let it pass. */
  receive (message: JSONRPCMessage, context: ReceiveContext = {}): void {
    this.#observer.active(this)
    this.#observer.received(this, message)
    if (isRequest(message)) {
      this.#inFlight.add(message, context.reply)
    } else if (!isNotification(message) && message.id !== undefined) {
      this.#asked.forget(message.id)
    }
    try {
      noteMessage(this.record, message)
      this.#server.receive(message, messageExtra(context, this.streams))
    } catch (error) {
      // Nobody else will answer it: it must not keep the session busy.
      if (!isRequest(message) || context.reply === undefined) {
        if (isRequest(message)) this.#abandon(message.id)
        throw error
      }
      this.failed(error)
      void this.send(errorResponse(message.id, RpcCode.internalError, 'The server failed'))
    }
    if (isCancellation(message)) this.#abandon(message.params?.['requestId'])
  }

  /**
   * Called by the server instance.
   * @throws WEIR_ERR_UNREACHABLE for a request that the client can't be given (what is not awaited is counted instead),
   * TypeError for a notification or request that is no JSON.
   */
  async send (message: JSONRPCMessage, { relatedRequestId }: TransportSendOptions = {}): Promise<void> {
    const isAnswer = !('method' in message)
    const isInitialize = isAnswer && this.#inFlight.isInitialize(message.id)
    const wire = isAnswer ? this.#answerWire(message.id) : this.#inFlight.replyTo(relatedRequestId) ?? this.#stream
    if (wire === undefined || this.#closeReason !== undefined) return this.undelivered(message, this.#closeReason ?? 'no stream')
    if (isRequest(message) && this.#asked.isFull) return this.undelivered(message, 'too many requests wait for its client')
    // A server of SDK v1 does not tell its transport what was negotiated.
    if (isInitialize && 'result' in message && typeof message.result['protocolVersion'] === 'string') this.negotiated(message.result['protocolVersion'])
    const result = deliver(wire, message, error => { this.failed(error) })
    // What is kept for a client that does not come is no sign of life.
    if (isAnswer || result === 'written') this.#observer.active(this)
    this.#conclude(message, wire, result)
    // A client that was not told its session's id can't come to it.
    if (isInitialize && this.streams !== undefined && (result !== 'written' || 'error' in message)) void this.close('error' in message ? 'error' : 'disconnected')
    if (isAnswer && !this.busy) this.#observer.settled(this)
    // Whoever awaits this leaves the reader its time; whoever does not finds the wire full.
    const drained = wire.drained?.()
    if (drained !== undefined) await drained
  }

  negotiated (version: string): void {
    this.record.protocolVersion = version
    if (this.streams !== undefined) this.streams.primes = version >= FIRST_WITH_PRIMING
  }

  /** One beat of the registry's heartbeat: keeps the streams alive, or finds that their reader has gone. */
  heartbeat (): void {
    if (this.#stream?.heartbeat() === false) void this.close('disconnected')
  }

  /** Its client wants to hear of it: a server instance that was let go is built again. */
  wake (context: ReceiveContext): void { this.#server.wake(messageExtra(context, this.streams)) }

  /** Lets the server instance go until the next message comes: it is built again then, and told what it needs to know. */
  hibernate (): boolean {
    const { rebuildable, initialize, protocolVersion } = this.record
    if (!this.abandoned || this.asleep || !rebuildable || initialize === undefined || protocolVersion === undefined) return false
    void this.#server.hibernate()
    return true
  }

  /**
   * Ends the session: the one path, taken once. Who waits for an answer is told, its streams end, its handlers are aborted, its
   * server instance closes. Without a reason it is the server instance that ends it (the SDK's `Transport.close`).
   */
  async close (reason: CloseReason = 'server'): Promise<void> {
    if (this.#closeReason !== undefined) return
    this.#closeReason = reason
    this.#asked.clear()
    const isBroken = reason === 'slow-consumer' || reason === 'disconnected'
    if (isBroken) this.#stream?.destroy()
    this.#inFlight.end(`The session ended before the answer was there (${reason})`, isBroken ? undefined : this.#stream)
    if (!isBroken) this.#stream?.end()
    // An instance that closes its transport is closing already.
    const ended = this.#server.release({ closing: reason === 'server' })
    this.#observer.closed(this, reason, ended)
    await ended
  }

  adopt (instance: ServerInstance): void { this.#observer.adopt(instance) }

  failed (error: unknown): void { this.#observer.failed(this, error) }

  undelivered (message: JSONRPCMessage, why: string): void {
    this.#observer.dropped(this, why)
    if (isRequest(message)) throw errors.unreachable(why)
  }

  /** The server instance could not be built again: who asked is told, and the next message tries anew. */
  notServed (messages: JSONRPCMessage[], error: unknown): void {
    this.failed(error)
    for (const message of messages) {
      if (isRequest(message)) void this.send(errorResponse(message.id, RpcCode.internalError, describe(serverFailed(error))))
      else this.#observer.dropped(this, 'no server')
    }
  }

  /** A message was kept for the client's return, and had to go before it came. */
  lost (): void { this.#observer.dropped(this, 'not fetched') }

  /** A client came back too late for what its broken connection was given. */
  gap (): void { this.#observer.dropped(this, 'came back too late') }

  /** A request of the server's is answered in the place of a client that can't be reached. */
  failRequest (id: RequestId): void {
    this.#observer.dropped(this, 'its client went away')
    this.#server.receive(errorResponse(id, RpcCode.internalError, errors.unreachable().message), {})
  }

  /** A connection broke before everything was said on its stream. */
  away (): void { this.#asked.expectReturn() }

  // The SDK answers no cancelled request; an answer that comes all the same is dropped.
  #abandon (id: unknown): void {
    this.#inFlight.abandon(id)
    if (!this.busy) this.#observer.settled(this)
  }

  #answerWire (id: RequestId | undefined): Wire | undefined {
    if (id === undefined) return this.#stream
    // Streamable HTTP answers a request where it was asked, and nowhere else.
    return this.#inFlight.take(id) ?? (this.streams === undefined ? this.#stream : undefined)
  }

  #conclude (message: JSONRPCMessage, wire: Wire, result: WriteResult): void {
    if (result !== 'written' && result !== 'kept') {
      if (result === 'full') void this.close('slow-consumer')
      return this.undelivered(message, UNDELIVERED[result])
    }
    if (result === 'written') this.#observer.sent(this)
    if (isRequest(message)) this.#asked.add(message.id, wire)
    else if (isCancellation(message) && isRequestId(message.params?.['requestId'])) this.#asked.withdraw(message.params['requestId'])
  }
}
