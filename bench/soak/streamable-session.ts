import { request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { API_KEY, Gone } from '../raw-client.js'
import { PROTOCOL_VERSION } from '../streamable-client.js'
import { answerIn, eventsOf, type Message } from './events.js'
import type { World } from './world.js'

/** Milliseconds after which an answer is given up. */
const TIMEOUT_MS = 30_000

/** One session of Streamable HTTP, whose client is a bad one. Everything throws `Gone` once the session is not there. */
export class StreamableSession {
  readonly #world: World
  #headers: OutgoingHttpHeaders = {}
  #lastId = 0
  /** When the last call was sent, and the last one that was answered. */
  #calledAt = performance.now()
  #heardAt = performance.now()
  #stream: AbortController | undefined
  /** Of the standing stream. */
  #lastEventId: string | undefined

  private constructor (world: World) {
    this.#world = world
  }

  static async open (world: World): Promise<StreamableSession> {
    const session = new StreamableSession(world)
    const params = { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'soak', version: '1.0.0' } }
    const response = await session.#post({ id: ++session.#lastId, method: 'initialize', params })
    const answer = await answerIn(response, session.#lastId)
    const sessionId = response.headers['mcp-session-id']
    if (answer.result === undefined || typeof sessionId !== 'string') throw new Error(`initialize: ${JSON.stringify(answer)}`)
    session.#headers = { 'mcp-session-id': sessionId, 'mcp-protocol-version': PROTOCOL_VERSION }
    const noted = await session.#post({ method: 'notifications/initialized' })
    noted.resume()
    world.did('opened')
    return session
  }

  /** Milliseconds since it last was heard for certain: the server counts from then, or from later. */
  get idleMs (): number { return performance.now() - this.#heardAt }

  /** Calls a tool, and checks what it says. */
  async echo (tool: string): Promise<void> {
    const text = this.#world.text()
    this.#check(await answerIn(await this.#post(this.#call(tool, text)), this.#lastId), text)
  }

  /** Calls a tool, and is gone after some milliseconds. */
  async vanish (tool: string, ms: number): Promise<void> {
    const text = this.#world.text()
    const gone = AbortSignal.timeout(ms)
    try {
      const response = await this.#post(this.#call(tool, text), gone)
      this.#check(await answerIn(response, this.#lastId), text)
    } catch (error) {
      if (!gone.aborted) throw error
      this.#world.did('vanished')
    }
  }

  /** Calls a tool, loses the stream of its answer after the first event, and takes the rest when it comes back. */
  async resume (): Promise<void> {
    const text = this.#world.text()
    const id = this.#lastId + 1
    const events = eventsOf(await this.#post(this.#call('slow-echo', text)))
    const { value: first } = await events.next()
    await events.return()
    if (first?.id === undefined) throw new Error('a stream began without an event id')
    await this.#world.pause(50)
    const response = await this.#send('GET', { 'last-event-id': first.id })
    this.#check(await answerIn(response, id), text)
    response.destroy()
    this.#world.did('resumed')
  }

  /** Opens the standing stream; where there is one, it takes over. */
  async listen (): Promise<void> {
    this.#stream?.abort()
    const stream = new AbortController()
    this.#stream = stream
    const response = await this.#send('GET', this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }, stream.signal)
    this.#world.did('listened')
    this.#follow(response).catch(() => {}).finally(() => { if (this.#stream === stream) this.#stream = undefined })
  }

  /** Ends the session. */
  async delete (): Promise<void> {
    const response = await this.#send('DELETE', {})
    response.resume()
    await this.mustBeGone('after its end')
    this.#world.did('deleted')
  }

  async mustBeGone (when: string): Promise<void> {
    try {
      await this.echo('echo')
    } catch (error) {
      if (error instanceof Gone) return
      throw error
    }
    throw new Error(`a session answered ${when}`)
  }

  /** Its connections are cut, and nobody says that it is over. */
  leave (): void {
    this.#stream?.abort()
  }

  async #follow (response: IncomingMessage): Promise<void> {
    for await (const { id } of eventsOf(response)) this.#lastEventId = id ?? this.#lastEventId
  }

  #call (name: string, text: string): object {
    this.#calledAt = performance.now()
    return { id: ++this.#lastId, method: 'tools/call', params: { name, arguments: { text } } }
  }

  #check ({ result }: Message, text: string): void {
    if (result?.content?.[0]?.text !== text) throw new Error('an answer is not the one that was asked for')
    this.#heardAt = this.#calledAt
    this.#world.answered(this.#calledAt)
  }

  async #post (message: object, signal?: AbortSignal): Promise<IncomingMessage> {
    return await this.#send('POST', { 'content-type': 'application/json' }, signal, JSON.stringify({ jsonrpc: '2.0', ...message }))
  }

  async #send (method: string, headers: OutgoingHttpHeaders, signal?: AbortSignal, body = ''): Promise<IncomingMessage> {
    const { port, agent } = this.#world
    return await new Promise((resolve, reject) => {
      const sent = request({
        host: '127.0.0.1',
        port,
        agent,
        method,
        path: '/mcp',
        ...(signal && { signal }),
        headers: { accept: 'application/json, text/event-stream', 'x-api-key': API_KEY, ...this.#headers, ...headers }
      }, response => {
        const { statusCode = 0 } = response
        if (statusCode < 300) return resolve(response)
        response.resume()
        reject(statusCode === 404 ? new Gone(`${method}: the session is gone`) : new Error(`${method}: ${statusCode}`))
      })
      sent.on('error', reject)
      sent.setTimeout(TIMEOUT_MS, () => { sent.destroy(new Error(`${method}: no answer`)) })
      sent.end(body)
    })
  }
}
