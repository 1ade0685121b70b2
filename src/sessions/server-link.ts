import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js'
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '../json-rpc.js'
import type { SessionRecord } from './session-record.js'
import type { CreateInstance, InstanceLife, ServerInstance } from './session-types.js'

/** The session's side of the link. */
export interface LinkedSession {
  readonly sessionId: string
  /** The server instance says something to the client. */
  send (message: JSONRPCMessage, options?: TransportSendOptions): Promise<void>
  /** The server instance says something too late. */
  undelivered (message: JSONRPCMessage, why: string): void
  /** The server instance ends the session. */
  close (): Promise<void>
  negotiated (version: string): void
  adopt (instance: ServerInstance): void
  failed (error: unknown): void
}

/**
 * What one server instance holds of its session: the SDK's `Transport`. A session that slept gets a new instance and with it
 * a new link; what an instance says after it was let go is heard by nobody.
 */
export class ServerLink implements Transport, InstanceLife {
  // The SDK sets these three in `connect`.
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void
  onclose?: () => void
  onerror?: (error: Error) => void

  readonly #session: LinkedSession
  #instance: ServerInstance | undefined
  #released = false
  /** Only for those that ask: an idle session is small. */
  #life: AbortController | undefined
  /** Rejects a `connect` that has not come to its end. */
  #abandon: (() => void) | undefined
  /** While the session's past is told again: who waits for which answer. */
  #replayed: Map<RequestId, (answer: JSONRPCMessage) => void> | undefined

  constructor (session: LinkedSession) {
    this.#session = session
  }

  get sessionId (): string { return this.#session.sessionId }

  get signal (): AbortSignal {
    if (this.#life === undefined) {
      this.#life = new AbortController()
      if (this.#released) this.#life.abort()
    }
    return this.#life.signal
  }

  /** Called by the SDK's `connect`. */
  async start (): Promise<void> {}

  /** Builds the server instance and joins it to this link. Rejects when that fails, or the link is released meanwhile. */
  async connect (createInstance: CreateInstance): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#abandon = reject
        this.#join(createInstance).then(resolve, reject)
      })
    } finally {
      this.#abandon = undefined
    }
  }

  /**
   * Tells a new instance what its client told the one before; its answers go nowhere.
   * @throws Error if it does not take the `initialize` request that was taken before.
   */
  async replay ({ initialize, logLevel, subscriptions = new Set() }: SessionRecord, extra: MessageExtraInfo): Promise<void> {
    if (initialize === undefined) throw new Error('nothing is known of how the session began')
    const replayed = new Map<RequestId, (answer: JSONRPCMessage) => void>()
    this.#replayed = replayed
    const ask = (request: JSONRPCRequest) => new Promise<JSONRPCMessage>(resolve => {
      replayed.set(request.id, resolve)
      this.onmessage?.(request, extra)
    })
    const answer = await ask(initialize)
    if ('error' in answer) throw new Error(`the server did not take the client's initialize request again: ${answer.error.message}`)
    this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/initialized' }, extra)
    const request = (method: string, params: Record<string, unknown>) => ask({ jsonrpc: '2.0', id: `weir-${replayed.size}`, method, params })
    await Promise.all([
      ...(logLevel === undefined ? [] : [request('logging/setLevel', { level: logLevel })]),
      ...[...subscriptions].map(uri => request('resources/subscribe', { uri }))
    ])
    this.#replayed = undefined
  }

  receive (message: JSONRPCMessage, extra: MessageExtraInfo): void { this.onmessage?.(message, extra) }

  /** Called by the server instance: see `Session.send`. */
  async send (message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (!('method' in message) && message.id !== undefined && this.#replayed !== undefined) return this.#replayed.get(message.id)?.(message)
    if (this.#released) return this.#session.undelivered(message, 'its server was let go')
    await this.#session.send(message, options)
  }

  /** Called by the server instance, which ends its session by it. */
  async close (): Promise<void> {
    if (!this.#released) await this.#session.close()
  }

  setProtocolVersion (version: string): void { this.#session.negotiated(version) }

  /** Lets the instance go: its handlers are aborted, and it closes, unless it is what asked for the end. Settles when it has closed. */
  release ({ closing = false } = {}): Promise<void> {
    if (this.#released) return Promise.resolve()
    this.#released = true
    this.#life?.abort()
    this.#abandon?.()
    // Its handlers are aborted by this. A server's own `onclose` may throw: it is let go all the same.
    try {
      this.onclose?.()
    } catch (error) {
      this.#session.failed(error)
    }
    return this.#instance === undefined || closing ? Promise.resolve() : this.#close(this.#instance)
  }

  async #join (createInstance: CreateInstance): Promise<void> {
    const instance = await createInstance(this)
    this.#session.adopt(instance)
    // Let go while the instance was built: it has no use.
    if (this.#released) return await this.#close(instance)
    this.#instance = instance
    await instance.connect(this)
  }

  async #close (instance: ServerInstance): Promise<void> {
    try {
      await instance.close()
    } catch (error) {
      this.#session.failed(error)
    }
  }
}
