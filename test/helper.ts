import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { pino } from 'pino'
import type { Test } from 'tap'
import { z } from 'zod'
import weir, { type WeirOptions } from '../src/index.js'

/** One line of the log, parsed. */
export type LogLine = Record<string, unknown> & { msg: string }

export interface Built {
  app: FastifyInstance
  /** Where it listens, without a slash at the end. */
  url: string
  port: number
  /** Every line that was logged, at `debug` and above. */
  lines: LogLine[]
  /** What `GET /metrics` would say now. */
  metrics: () => ReturnType<FastifyInstance['mcp']['metrics']['snapshot']>
}

export interface BuildOptions extends WeirOptions {
  fastify?: FastifyServerOptions
  /** Runs before the plugin is registered: the host's own part of the application. */
  host?: (app: FastifyInstance) => void | Promise<void>
}

/** A host application with one endpoint, listening on a port of its own; closed when the test ends. */
export async function build (t: Test, { fastify = {}, host, ...options }: BuildOptions = {}): Promise<Built> {
  const { log, lines } = capturedLog()
  const app = Fastify({ loggerInstance: log, ...fastify })
  t.teardown(async () => {
    const closed = app.close()
    // A client's spare socket that never sent a request would hold the server for a minute.
    app.server.closeAllConnections()
    await closed
  })
  await host?.(app)
  await app.register(weir, { createServer: () => fixtureServer(), drainTimeoutSeconds: 1, ...options })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { app, url: `http://127.0.0.1:${port}`, port, lines, metrics: () => app.mcp.metrics.snapshot() }
}

/** A log that is kept. */
export function capturedLog () {
  const lines: LogLine[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => { lines.push(JSON.parse(line) as LogLine) } })
  return { log, lines }
}

/** What a test makes a server's tools do. */
export interface FixtureHooks {
  /** Called by the tool `wait`; its answer is the tool's. */
  wait?: (signal: AbortSignal) => Promise<string>
  onclose?: () => void
  /** Called after every piece that `flood` sent. */
  onpiece?: () => void
}

/** The server under test: `echo`, `whoami`, `wait` for what the test decides, `ask` the client, `flood` it, `broken`. */
export function fixtureServer ({ wait, onclose, onpiece }: FixtureHooks = {}): McpServer {
  const server = new McpServer({ name: 'fixture', version: '1.2.3' }, { capabilities: { logging: {} } })
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text: value }) => text(value))
  server.registerTool('whoami', {}, ({ authInfo, requestInfo }) => text(JSON.stringify({ authInfo, headers: requestInfo?.headers })))
  server.registerTool('wait', {}, async ({ signal }) => text(await (wait?.(signal) ?? Promise.resolve('done'))))
  server.registerTool('ask', {}, async () => {
    const { content } = await server.server.createMessage({ maxTokens: 5, messages: [{ role: 'user', content: { type: 'text', text: 'Who?' } }] })
    return text(JSON.stringify(content))
  })
  server.registerTool('flood', { inputSchema: { bytes: z.number(), pieces: z.number() } }, async ({ bytes, pieces }) => {
    for (let piece = 0; piece < pieces; piece++) {
      await server.sendLoggingMessage({ level: 'info', data: 'x'.repeat(bytes) })
      onpiece?.()
      await new Promise(resolve => setImmediate(resolve))
    }
    return text('flooded')
  })
  server.registerTool('large', { inputSchema: { bytes: z.number() } }, ({ bytes }) => text('x'.repeat(bytes)))
  server.registerTool('broken', {}, () => ({ content: [], structuredContent: { big: 1n } }))
  if (onclose !== undefined) server.server.onclose = onclose
  return server
}

/** One server-sent event. */
export interface Event { event: string, data: string, id?: string }

/** An answer from the server. */
export interface Answer {
  id: number | string
  result?: { [key: string]: unknown, content?: { text: string }[] }
  error?: { code: number, message: string }
}

/** The text of a tool's answer. */
export function textOf (answer: Answer): string {
  return answer.result?.content?.[0]?.text ?? ''
}

/** A client of the wire itself: it opens an event stream and posts what it is told, right or wrong. */
export class RawClient {
  readonly events: Event[] = []
  readonly comments: string[] = []
  retry: string | undefined
  /** Settles when the stream is over, whoever ended it. */
  readonly ended: Promise<void>
  #wake: (() => void) | undefined
  #buffer = ''

  private constructor (readonly url: string, readonly response: http.IncomingMessage, readonly headers: Record<string, string>) {
    response.setEncoding('utf8')
    response.on('data', (text: string) => { this.#read(text) })
    response.on('error', () => {})
    this.ended = new Promise(resolve => { response.once('close', () => { this.#wake?.(); resolve() }) })
  }

  /** Opens `GET path`. A refusal is an open stream like any other: see `response.statusCode`. */
  static async open (url: string, headers: Record<string, string> = {}, path = '/sse'): Promise<RawClient> {
    const request = http.get(url + path, { headers, agent: false })
    const [response] = await once(request, 'response') as [http.IncomingMessage]
    return new RawClient(url, response, headers)
  }

  /** Opens a session and reads its `endpoint` event. */
  static async session (url: string, headers: Record<string, string> = {}, path = '/sse'): Promise<RawClient> {
    const client = await RawClient.open(url, headers, path)
    await client.next('endpoint')
    return client
  }

  /** The path that the `endpoint` event names. */
  get endpoint (): string { return this.events.find(({ event }) => event === 'endpoint')?.data ?? '' }

  get sessionId (): string { return new URLSearchParams(this.endpoint.split('?')[1]).get('session_id') ?? '' }

  /** Waits for the first event that fits, and takes it. */
  async next (event = 'message', fits: (data: string) => boolean = () => true): Promise<Event> {
    for (;;) {
      const found = this.events.find(candidate => candidate.event === event && fits(candidate.data))
      if (found !== undefined) {
        if (event !== 'endpoint') this.events.splice(this.events.indexOf(found), 1)
        return found
      }
      if (this.response.closed) throw new Error(`The stream ended before ${event}`)
      await new Promise<void>(resolve => { this.#wake = resolve })
    }
  }

  /** Waits for a heartbeat or another comment. */
  async comment (): Promise<string> {
    while (this.comments.length === 0) await new Promise<void>(resolve => { this.#wake = resolve })
    return this.comments.shift() ?? ''
  }

  /** Posts a body as it is. */
  async post (body: string | Buffer | undefined, headers: Record<string, string> = {}, path = this.endpoint): Promise<Response> {
    return await fetch(this.url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...this.headers, ...headers }, ...(body !== undefined && { body }) })
  }

  /** Sends a request and waits for its answer on the stream. */
  async request (id: number | string, method: string, params?: object): Promise<Answer> {
    const response = await this.post(JSON.stringify({ jsonrpc: '2.0', id, method, ...(params && { params }) }))
    if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`)
    const { data } = await this.next('message', text => (JSON.parse(text) as { id?: unknown }).id === id)
    return JSON.parse(data) as Answer
  }

  async initialize (): Promise<void> {
    await this.request('init', 'initialize', { protocolVersion: '2024-11-05', capabilities: { sampling: {} }, clientInfo: { name: 'raw', version: '1' } })
    await this.post('{"jsonrpc":"2.0","method":"notifications/initialized"}')
  }

  async callTool (id: number | string, name: string, args: object = {}) {
    return await this.request(id, 'tools/call', { name, arguments: args })
  }

  /** Goes away. */
  close (): void { this.response.destroy() }

  #read (text: string): void {
    this.#buffer += text
    for (let end = this.#buffer.indexOf('\n\n'); end !== -1; end = this.#buffer.indexOf('\n\n')) {
      const fields = this.#buffer.slice(0, end).split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const)
      this.#buffer = this.#buffer.slice(end + 2)
      const field = (name: string) => fields.find(([key]) => key === name)?.[1]
      const [comment, retry, data, id] = ['', 'retry', 'data', 'id'].map(field)
      if (comment !== undefined) this.comments.push(comment)
      if (retry !== undefined) this.retry = retry
      if (data !== undefined) this.events.push({ event: field('event') ?? 'message', data, ...(id !== undefined && { id }) })
    }
    this.#wake?.()
  }
}

/** Waits, without a fixed time, until something that happens elsewhere is so. */
export async function until (isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`It never came to this: ${isSo.toString()}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** Everything that a storm must leave as it was: no session, no stream. */
export function nothingLeft (t: Test, { app, metrics }: Built): void {
  t.equal(app.mcp.sessions.size, 0, 'no session')
  t.match(metrics(), { active_sessions: 0, active_connections: 0 }, 'no connection')
}
