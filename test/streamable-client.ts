import { once } from 'node:events'
import http from 'node:http'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CreateMessageResultSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Test } from 'tap'
import { z } from 'zod'
import { build, fixtureServer, type BuildOptions, type Built, type FixtureHooks } from './helper.js'

export const ACCEPT = 'application/json, text/event-stream'
export const LATEST = '2025-11-25'

/** A JSON-RPC message as it comes over the wire. */
export interface Message {
  jsonrpc: string
  id?: number | string | null
  method?: string
  params?: Record<string, unknown>
  result?: { [key: string]: unknown, content?: { text: string }[] }
  error?: { code: number, message: string, data?: unknown }
}

/** An event of a stream; one without data is a priming event. */
export interface StreamEvent { id: string | undefined, event: string | undefined, data: string }

/** One HTTP response, as it comes in: JSON or an event stream. */
export class Exchange {
  readonly events: StreamEvent[] = []
  readonly comments: string[] = []
  retry: string | undefined
  body = ''
  /** Settles when the response is over, whoever ended it. */
  readonly ended: Promise<void>
  #taken = 0
  #unread = ''
  #wake = () => {}

  private constructor (readonly response: http.IncomingMessage) {
    response.setEncoding('utf8')
    response.on('data', (text: string) => { this.#read(text) })
    response.on('error', () => {})
    this.ended = new Promise(resolve => { response.once('close', () => { this.#wake(); resolve() }) })
  }

  static async send (method: string, url: string, headers: http.OutgoingHttpHeaders, body?: string | Buffer): Promise<Exchange> {
    const request = http.request(url, { method, headers, agent: false })
    request.end(body)
    const [response] = await once(request, 'response') as [http.IncomingMessage]
    request.on('error', () => {})
    return new Exchange(response)
  }

  get status (): number | undefined { return this.response.statusCode }

  get headers (): http.IncomingHttpHeaders { return this.response.headers }

  get type (): string { return this.headers['content-type'] ?? '' }

  get isOver (): boolean { return this.response.closed }

  /** All messages of the stream so far. */
  get messages (): Message[] { return this.events.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data) as Message) }

  get lastEventId (): string { return this.events.findLast(({ id }) => id !== undefined)?.id ?? '' }

  /** The next event of the stream, a priming one too. */
  async event (): Promise<StreamEvent> {
    for (;;) {
      const event = this.events[this.#taken]
      if (event !== undefined) {
        this.#taken++
        return event
      }
      if (this.isOver) throw new Error(`The stream ended: ${this.status} ${this.body.slice(0, 200)}`)
      await this.#news()
    }
  }

  /** The next message of the stream. */
  async message (): Promise<Message> {
    for (;;) {
      const { data } = await this.event()
      if (data !== '') return JSON.parse(data) as Message
    }
  }

  /** Waits until a heartbeat or another comment is there. */
  async comment (): Promise<string> {
    while (this.comments.length === 0) {
      if (this.isOver) throw new Error(`The stream ended: ${this.status} ${this.body.slice(0, 200)}`)
      await this.#news()
    }
    return this.comments[0] ?? ''
  }

  /** The whole body as JSON. */
  async json (): Promise<Message> {
    await this.ended
    return JSON.parse(this.body) as Message
  }

  /** The answer to a request, in whatever shape it comes. */
  async answer (): Promise<Message> {
    if (this.type.startsWith('application/json')) return await this.json()
    for (;;) {
      const message = await this.message()
      if (message.method === undefined) return message
    }
  }

  /** Goes away. */
  close (): void { this.response.destroy() }

  #news (): Promise<void> {
    return new Promise(resolve => { this.#wake = resolve })
  }

  #read (text: string): void {
    if (!this.type.startsWith('text/event-stream')) {
      this.body += text
      return
    }
    this.#unread += text
    const blocks = this.#unread.split('\n\n')
    this.#unread = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const)
      const [comment, retry, data, id, event] = ['', 'retry', 'data', 'id', 'event'].map(name => fields.find(([key]) => key === name)?.[1])
      if (comment !== undefined) this.comments.push(comment)
      if (retry !== undefined) this.retry = retry
      if (data !== undefined) this.events.push({ id, event, data })
    }
    this.#wake()
  }
}

/** A client of Streamable HTTP that sends what it is told, right or wrong. */
export class WireClient {
  sessionId = ''
  #lastId = 0

  constructor (readonly url: string, readonly version = LATEST, readonly headers: Record<string, string> = {}) {}

  /** The headers of every request in the session. */
  get sessionHeaders (): Record<string, string> {
    return { ...this.headers, ...(this.sessionId !== '' && { 'mcp-session-id': this.sessionId, 'mcp-protocol-version': this.version }) }
  }

  /** Posts a body as it is. */
  async post (body: string | Buffer | object | undefined, headers: http.OutgoingHttpHeaders = {}): Promise<Exchange> {
    const text = typeof body === 'object' && !Buffer.isBuffer(body) ? JSON.stringify(body) : body
    return await Exchange.send('POST', this.url, { 'content-type': 'application/json', accept: ACCEPT, ...this.sessionHeaders, ...headers }, text)
  }

  /** Opens the standing stream, or resumes one. */
  async listen (lastEventId?: string, headers: Record<string, string> = {}): Promise<Exchange> {
    return await Exchange.send('GET', this.url, { accept: 'text/event-stream', ...this.sessionHeaders, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }), ...headers })
  }

  async delete (headers: Record<string, string> = {}): Promise<Exchange> {
    return await Exchange.send('DELETE', this.url, { ...this.sessionHeaders, ...headers })
  }

  async request (method: string, params?: object, id: number | string = ++this.#lastId): Promise<Exchange> {
    return await this.post({ jsonrpc: '2.0', id, method, ...(params && { params }) })
  }

  async call (name: string, args: object = {}, meta?: object): Promise<Exchange> {
    return await this.request('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) })
  }

  /** The text that a tool answers, or the error. */
  async callForText (name: string, args: object = {}): Promise<string | undefined> {
    const { result, error } = await (await this.call(name, args)).answer()
    return result?.content?.[0]?.text ?? error?.message
  }

  async notify (method: string, params?: object): Promise<Exchange> {
    return await this.post({ jsonrpc: '2.0', method, ...(params && { params }) })
  }

  /** Answers a request of the server's. */
  async respond (id: unknown, result: object): Promise<Exchange> {
    return await this.post({ jsonrpc: '2.0', id, result })
  }

  async initialize (): Promise<Exchange> {
    return await this.post(initializeRequest(this.version))
  }

  /** Opens a session that is ready for calls. */
  async open (): Promise<this> {
    const opened = await this.initialize()
    await opened.ended
    if (opened.status !== 200) throw new Error(`${opened.status} ${opened.body}`)
    this.sessionId = String(opened.headers['mcp-session-id'])
    await this.notify('notifications/initialized')
    return this
  }
}

export function initializeRequest (protocolVersion = LATEST, id: number | string = 'init') {
  return { jsonrpc: '2.0', id, method: 'initialize', params: { protocolVersion, capabilities: { sampling: {}, roots: {} }, clientInfo: { name: 'wire', version: '1' } } }
}

/** An endpoint, and a client with a session there. */
export async function opened (t: Test, options: BuildOptions = {}, version = LATEST): Promise<[Built, WireClient]> {
  const built = await build(t, options)
  return [built, await new WireClient(`${built.url}/mcp`, version).open()]
}

/** A number of the endpoint's that only Prometheus sees. */
export async function gaugeOf ({ app }: Pick<Built, 'app'>, name: string): Promise<number> {
  const metric = await app.mcp.metrics.registry.getSingleMetric(name)?.get()
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? Number.NaN
}

/** Why sessions ended, in order, as the log says. */
export function reasonsOf ({ lines }: Built): unknown[] {
  return lines.filter(({ msg }) => msg === 'session closed').map(({ reason }) => reason)
}

/** A server whose tools say something that relates to their call, before they answer: `hold` is what some of them wait for. */
export function talkative (hooks: FixtureHooks & { hold?: () => Promise<string> } = {}): McpServer {
  const server = fixtureServer(hooks)
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  // Logs, and waits in between for what the test decides.
  server.registerTool('say', { inputSchema: { pieces: z.number(), bytes: z.number().default(1), hold: z.boolean().default(false) } }, async ({ pieces, bytes, hold }, { sendNotification }) => {
    for (let piece = 1; piece <= pieces; piece++) {
      await sendNotification({ method: 'notifications/message', params: { level: 'info', logger: String(piece), data: 'x'.repeat(bytes) } })
      hooks.onpiece?.()
    }
    return text(hold ? await (hooks.hold?.() ?? Promise.resolve('held')) : 'said')
  })
  server.registerTool('progress', {}, async ({ sendNotification, _meta }) => {
    await sendNotification({ method: 'notifications/progress', params: { progressToken: _meta?.progressToken ?? 0, progress: 1, total: 2 } })
    return text('progressed')
  })
  server.registerTool('sample', {}, async ({ sendRequest }) => {
    const { content } = await sendRequest({ method: 'sampling/createMessage', params: { maxTokens: 5, messages: [] } }, CreateMessageResultSchema)
    return text(JSON.stringify(content))
  })
  server.registerTool('elicit', {}, async ({ sendRequest }) => {
    const { action } = await sendRequest({ method: 'elicitation/create', params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} } } }, ElicitResultSchema)
    return text(action)
  })
  // Ends its own stream, and answers when the test lets it.
  server.registerTool('leave', {}, async ({ closeSSEStream }) => {
    closeSSEStream?.()
    return text(await (hooks.hold?.() ?? Promise.resolve('left')))
  })
  return server
}

/** A promise that the test settles. */
export function gate (): { held: () => Promise<string>, open: (text?: string) => void, readonly waiting: number } {
  let release: ((text: string) => void)[] = []
  return {
    held: () => new Promise(resolve => { release.push(resolve) }),
    open: (text = 'let go') => {
      for (const resolve of release) resolve(text)
      release = []
    },
    get waiting () { return release.length }
  }
}
