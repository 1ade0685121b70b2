import { randomUUID } from 'node:crypto'
import { errors, RETRY_LATER } from '../errors.js'
import type { JSONRPCRequest } from '../json-rpc.js'
import { Patience } from '../streams/patience.js'
import { firstAbandoned, sessionToEvict, type Caps } from './eviction.js'
import type { Principal } from './principal.js'
import { createRecord, noteMessage, type TransportName } from './session-record.js'
import { Session } from './session.js'
import type { CloseReason, ServerInstance, SessionObserver } from './session-types.js'

export interface SessionRegistryOptions extends Caps {
  /** Seconds without a message and without a request in flight after which a session ends. */
  sessionTimeoutSeconds: number
  /** Seconds after which an abandoned Streamable session lets its server instance go; 0 = never. */
  sessionHibernateSeconds: number
  /** Bytes that may wait for one session's client, and that may be kept for its return. */
  streamBufferBytes: number
  /** Told of every session's events, after the registry's own part. */
  observer: Omit<SessionObserver, 'active' | 'settled' | 'adopt'>
  /** Milliseconds of a clock that never runs backwards; a test may bring its own. */
  now?: () => number
}

/** Who opens a session, and how. */
export interface OpenOptions {
  principal: Principal
  /** Who the session counts for at `maxSessionsPerClient`. */
  clientKey: string
  transport: TransportName
  /** The request that opens the session, where one does. */
  initialize?: JSONRPCRequest
}

/** All live sessions of one endpoint, in order of last use: a cleanup looks only at the front. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions
  readonly #now: () => number
  readonly #sessions = new Map<string, Session>()
  readonly #perClient = new Map<string, Set<Session>>()
  readonly #patience = new Patience()
  /** Sessions that ended and whose server instances are still closing. */
  readonly #ending = new Set<Promise<void>>()
  readonly #observer: SessionObserver
  /** Server instances that serve a session, or did. */
  readonly #instances = new WeakSet<ServerInstance>()
  #drained: Promise<void> | undefined
  #onEmpty: (() => void) | undefined

  constructor (options: SessionRegistryOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#observer = {
      ...options.observer,
      active: session => { this.#touch(session) },
      adopt: instance => { this.#adopt(instance) },
      settled: session => { if (this.draining) void session.close('shutdown') },
      closed: (session, reason, ended) => { this.#forget(session, reason, ended) }
    }
  }

  /** How many sessions are live. */
  get size (): number { return this.#sessions.size }

  /** Whether the endpoint is shutting down: no new session, no new request. */
  get draining (): boolean { return this.#drained !== undefined }

  /** Whether a new session would find room: a free place, or one whose session gives way. */
  get hasRoom (): boolean {
    return this.#sessions.size < this.#options.maxSessions || firstAbandoned(this.#sessions.values()) !== undefined
  }

  /** How many sessions have let their server instance go. */
  get asleep (): number {
    let asleep = 0
    for (const session of this.#sessions.values()) if (session.asleep) asleep++
    return asleep
  }

  /** Requests that wait for their answer, or for their client, with a time limit. */
  get waiting (): number { return this.#patience.size }

  /** How many ended sessions' server instances have not closed yet. */
  get ending (): number { return this.#ending.size }

  /** How many principals, or without keys addresses, have a session. */
  get clients (): number { return this.#perClient.size }

  /** Bytes that wait for slow readers, all sessions together. */
  get bufferedBytes (): number {
    let bytes = 0
    for (const session of this.#sessions.values()) bytes += session.bufferedBytes
    return bytes
  }

  /** Bytes that are kept for the return of clients, all sessions together. */
  get keptBytes (): number {
    let bytes = 0
    for (const session of this.#sessions.values()) bytes += session.keptBytes
    return bytes
  }

  /**
   * Whether `open` would find a place, for who wants to know before a body is read.
   * @throws as `open` does.
   */
  assertRoom (clientKey: string): void {
    this.refuseWhileDraining()
    sessionToEvict(this.#perClient.get(clientKey), this.#sessions, this.#options)
  }

  /**
   * Takes a place for a new session, before anything is built for it.
   * @throws WEIR_ERR_DRAINING, WEIR_ERR_TOO_MANY_SESSIONS; both carry `retry-after`.
   */
  open ({ principal, clientKey, transport, initialize }: OpenOptions): Session {
    this.refuseWhileDraining()
    void sessionToEvict(this.#perClient.get(clientKey), this.#sessions, this.#options)?.close('evicted')
    const session = new Session(createRecord(randomUUID(), principal.id, transport), clientKey, this.#observer, this.#patience)
    if (initialize !== undefined) noteMessage(session.record, initialize)
    if (transport === 'streamable') session.openStreams(this.#options.streamBufferBytes)
    session.lastActivity = this.#now()
    this.#sessions.set(session.sessionId, session)
    const ofClient = this.#perClient.get(clientKey)
    if (ofClient === undefined) this.#perClient.set(clientKey, new Set([session]))
    else ofClient.add(session)
    this.#observer.opened(session)
    return session
  }

  /** @throws WEIR_ERR_DRAINING once a shutdown has begun. */
  refuseWhileDraining (): void {
    if (this.draining) throw errors.draining('This instance is shutting down: try again, another one will answer', RETRY_LATER)
  }

  /** The live session of that id and transport, if it belongs to `principal`: for anyone else it does not exist. */
  get (id: string, principal: Principal, transport: TransportName): Session | undefined {
    const session = this.#sessions.get(id)
    return session?.record.owner === principal.id && session.record.transport === transport ? session : undefined
  }

  /** Ends every session that has been idle for too long, and says how many they were. */
  sweep (): number {
    const now = this.#now()
    const idleSince = now - this.#options.sessionTimeoutSeconds * 1_000
    let ended = 0
    for (const session of this.#sessions.values()) {
      if (session.lastActivity > idleSince) break
      if (session.busy) {
        this.#touch(session)
      } else {
        void session.close('idle')
        ended++
      }
    }
    return ended
  }

  /** Lets the server instances of abandoned sessions go, and says how many they were. */
  hibernate (): number {
    const { sessionHibernateSeconds } = this.#options
    if (sessionHibernateSeconds === 0) return 0
    const idleSince = this.#now() - sessionHibernateSeconds * 1_000
    let asleep = 0
    for (const session of this.#sessions.values()) {
      if (session.lastActivity > idleSince) break
      if (session.hibernate()) asleep++
    }
    return asleep
  }

  /** The live sessions, those first that were used longest ago. */
  all (): Session[] { return [...this.#sessions.values()] }

  /** Milliseconds since the last message of a session's went in or out. */
  idleMs (session: Session): number { return this.#now() - session.lastActivity }

  /** One beat for all streams. */
  heartbeat (): void {
    for (const session of this.#sessions.values()) session.heartbeat()
  }

  /**
   * Ends all sessions: the idle ones at once, the busy ones when their last request is answered, but after
   * `timeoutSeconds` in any case. Settles when all are gone and their server instances have closed, or the time is over.
   * A second call joins the first.
   */
  drain (timeoutSeconds: number): Promise<void> {
    return (this.#drained ??= this.#drain(timeoutSeconds * 1_000))
  }

  async #drain (timeoutMs: number): Promise<void> {
    // Lets `#drained` be set: from here on nothing new comes in.
    await Promise.resolve()
    for (const session of this.#sessions.values()) {
      if (!session.busy) void session.close('shutdown')
    }
    const { promise: timeIsOver, cancel } = after(timeoutMs)
    await Promise.race([timeIsOver, this.#empty()])
    for (const session of this.#sessions.values()) void session.close('shutdown')
    await Promise.race([timeIsOver, Promise.allSettled(this.#ending)])
    cancel()
  }

  #empty (): Promise<void> {
    return new Promise(resolve => {
      if (this.#sessions.size === 0) resolve()
      else this.#onEmpty = resolve
    })
  }

  #adopt (instance: ServerInstance): void {
    if (typeof instance?.connect !== 'function' || typeof instance.close !== 'function') throw new TypeError('createServer must return a server: something with connect and close')
    if (this.#instances.has(instance)) throw new Error('createServer must return a new server for each session, and this one has served another: build it inside createServer, not before')
    this.#instances.add(instance)
  }

  #touch (session: Session): void {
    session.lastActivity = this.#now()
    // Re-insertion moves it to the end. A session that has ended stays out.
    if (this.#sessions.delete(session.sessionId)) this.#sessions.set(session.sessionId, session)
  }

  #forget (session: Session, reason: CloseReason, ended: Promise<void>): void {
    this.#sessions.delete(session.sessionId)
    const ofClient = this.#perClient.get(session.clientKey)
    ofClient?.delete(session)
    if (ofClient?.size === 0) this.#perClient.delete(session.clientKey)
    this.#ending.add(ended)
    const done = () => { this.#ending.delete(ended) }
    ended.then(done, done)
    this.#options.observer.closed(session, reason, ended)
    if (this.#sessions.size === 0) this.#onEmpty?.()
  }
}

function after (ms: number) {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<void>(resolve => { timer = setTimeout(resolve, ms) })
  return { promise, cancel: () => { clearTimeout(timer) } }
}
