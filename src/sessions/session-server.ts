import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js'
import { isRequest, type JSONRPCMessage } from '../json-rpc.js'
import { MAX_REQUESTS_IN_FLIGHT } from './in-flight.js'
import { ServerLink, type LinkedSession } from './server-link.js'
import type { SessionRecord } from './session-record.js'
import type { CreateInstance } from './session-types.js'

type Received = [message: JSONRPCMessage, extra: MessageExtraInfo]

/** The session's side. */
export interface ServedSession extends LinkedSession {
  readonly record: SessionRecord
  /** The server instance could not be built again: nobody takes these messages. */
  notServed (messages: JSONRPCMessage[], error: unknown): void
}

/** The server instance of one session: awake, or let go until the next message asks for it. */
export class SessionServer {
  readonly #session: ServedSession
  #createInstance: CreateInstance | undefined
  #link: ServerLink | undefined
  #building = false
  /** What came in while the instance is being built again. */
  #queue: Received[] | undefined

  constructor (session: ServedSession) {
    this.#session = session
  }

  /** Whether the instance was let go, and nobody has asked for it since. */
  get asleep (): boolean { return this.#link === undefined && this.#createInstance !== undefined }

  /** Whether an instance is being built. */
  get building (): boolean { return this.#building }

  /** Builds the first instance. Rejects when that fails, or the session ends meanwhile. */
  async connect (createInstance: CreateInstance): Promise<void> {
    this.#createInstance = createInstance
    this.#link = new ServerLink(this.#session)
    this.#building = true
    try {
      await this.#link.connect(createInstance)
    } finally {
      this.#building = false
    }
  }

  receive (message: JSONRPCMessage, extra: MessageExtraInfo): void {
    this.wake(extra)
    if (this.#queue === undefined) this.#link?.receive(message, extra)
    // Requests have a bound of their own; notifications have none.
    else if (isRequest(message) || this.#queue.length < MAX_REQUESTS_IN_FLIGHT) this.#queue.push([message, extra])
    else this.#session.undelivered(message, 'its server is not there yet')
  }

  /** Builds an instance that was let go again, for the caller that `extra` names. */
  wake (extra: MessageExtraInfo): void {
    if (!this.asleep || this.#createInstance === undefined) return
    this.#queue = []
    this.#link = new ServerLink(this.#session)
    void this.#rebuild(this.#link, this.#createInstance, this.#queue, extra)
  }

  /** Lets the instance go until the next message. Settles when it has closed. */
  hibernate (): Promise<void> {
    const link = this.#link
    this.#link = undefined
    return link?.release() ?? Promise.resolve()
  }

  /** Lets the instance go for good: see `ServerLink.release`. */
  release (options: { closing: boolean }): Promise<void> {
    return this.#link?.release(options) ?? Promise.resolve()
  }

  async #rebuild (link: ServerLink, createInstance: CreateInstance, queue: Received[], extra: MessageExtraInfo): Promise<void> {
    this.#building = true
    try {
      await link.connect(createInstance)
      await link.replay(this.#session.record, extra)
      this.#queue = undefined
    } catch (error) {
      this.#queue = undefined
      this.#link = undefined
      await link.release()
      return this.#session.notServed(queue.map(([message]) => message), error)
    } finally {
      this.#building = false
    }
    for (const received of queue) link.receive(...received)
  }
}
