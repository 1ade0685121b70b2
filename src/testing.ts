import { setMaxListeners } from 'node:events'
import type { OutgoingHttpHeaders } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { ReadableStream } from 'node:stream/web'
import { Client, type ClientOptions } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { Implementation } from '@modelcontextprotocol/sdk/types.js'
import type { FastifyInstance } from 'fastify'
import { version } from './version.js'

/** What `createTestClient` asks of an application: any `FastifyInstance` has it. */
export type TestableApp = Pick<FastifyInstance, 'inject'>

/** Options of a test client: those of the SDK's `Client`, such as `capabilities` or `listChanged`, and where it goes. */
export interface TestClientOptions extends ClientOptions {
  /** The path before `/mcp`: the endpoint's `prefix`, after those of the scopes around it. Default: none. */
  prefix?: string
  /**
   * Headers of every request, such as `{ 'x-api-key': 'KEY' }`. Without a `host` here requests come to `localhost`,
   * which is what `allowedHosts` then has to name.
   */
  headers?: Record<string, string>
  /** What the client calls itself in `initialize` (MCP specification, "Lifecycle"). */
  clientInfo?: Implementation
  /**
   * Called with the client before it connects: the place for `setRequestHandler` (sampling, elicitation, roots) and
   * `setNotificationHandler`. What the client can do is said in `capabilities`.
   */
  configure?: (client: Client) => void
}

/**
 * A client for an application's own tests: the SDK's, initialized, over Streamable HTTP and `app.inject()`, without a port
 * or a network. Its standing stream is open already. `close()` ends the session too: await it, and nothing of it is left.
 * Close it before the application, of which it waits until it is ready.
 * @throws Error that says what the endpoint answered, if it was not there or did not let the client in; its `cause` is
 * the SDK's `StreamableHTTPError`, with the HTTP status as `code`. What else goes wrong is thrown as the SDK throws it.
 */
export async function createTestClient (app: TestableApp, options: TestClientOptions = {}): Promise<Client> {
  const { prefix = '', headers = {}, clientInfo = { name: 'mcp-weir-test-client', version }, configure, ...clientOptions } = options
  const client = new Client(clientInfo, clientOptions)
  configure?.(client)
  const path = `${prefix}/mcp`
  const transport = new InjectTransport(app, path, headers)
  try {
    await client.connect(transport)
  } catch (error) {
    await transport.close()
    throw error instanceof StreamableHTTPError ? refusal(error, path) : error
  }
  await transport.listening
  return client
}

/** The SDK's transport, over `inject` in place of the network. */
class InjectTransport extends StreamableHTTPClientTransport {
  /** Settles when the standing stream was answered, however. */
  readonly listening: Promise<void>
  #closed: Promise<void> | undefined

  constructor (app: TestableApp, path: string, headers: Record<string, string>) {
    let listens: (() => void) | undefined
    const listening = new Promise<void>(resolve => { listens = resolve })
    const fetch = injectingFetch(app)
    super(new URL(path, 'http://localhost'), {
      requestInit: { headers },
      fetch: (url, init) => init?.method === 'GET' ? fetch(url, init).finally(listens) : fetch(url, init)
    })
    this.listening = listening
  }

  override close (): Promise<void> { return (this.#closed ??= this.#leave()) }

  /** The connections go first: streams that their server ends would be opened again. */
  async #leave (): Promise<void> {
    await super.close()
    // It has told `onerror` what went wrong. Mostly the session, or the application, had ended before.
    await this.terminateSession().catch(() => {})
  }
}

/** A `fetch` that gives its requests to the application. Streams and aborts are as on a network. */
function injectingFetch (app: TestableApp): FetchLike {
  return async (url, { method, headers: given, body, signal } = {}) => {
    // The goodbye comes from a transport that has aborted all it does.
    if (method !== 'DELETE') signal?.throwIfAborted()
    const { pathname, search } = new URL(url)
    const payload = new PassThrough({ autoDestroy: false })
    payload.on('error', () => {})
    // By the error of a body, which may have been read long ago, light-my-request knows that a client went away; to its `signal` it is deaf by then.
    const goAway = () => { payload.emit('error') }
    const headers = Object.fromEntries(new Headers(given))
    if (typeof body === 'string') {
      headers['content-length'] = String(Buffer.byteLength(body))
      payload.write(body)
    }
    payload.end()
    const leave = () => {
      signal?.removeEventListener('abort', goAway)
      goAway()
    }
    // One signal ends all that a transport does, however much that is.
    if (signal != null) setMaxListeners(0, signal)
    signal?.addEventListener('abort', goAway)
    try {
      const { statusCode: status, headers: answered, stream } = await app.inject({ method: String(method), url: pathname + search, headers, payload, payloadAsStream: true })
      const body = stream().once('close', leave)
      return new Response(isEventStream(answered) ? ReadableStream.from(body) : await wholeOf(body), { status, headers: pairsOf(answered) })
    } catch (error) {
      leave()
      throw error
    }
  }
}

function isEventStream (headers: OutgoingHttpHeaders): boolean {
  return /^text\/event-stream\b/i.test(String(headers['content-type']))
}

/** A body in one piece; null where there is none, as some statuses must have it (Fetch Standard, "null body status"). */
async function wholeOf (body: Readable): Promise<Buffer | null> {
  const bytes = await buffer(body)
  return bytes.length === 0 ? null : bytes
}

function pairsOf (headers: OutgoingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, String(one)]))
}

/** What to do about an answer, by its status; -1 stands for one that is no MCP server's. */
const WHERE = 'give the `prefix` that the plugin was registered with, after those of the scopes around it'
const hints = new Map<number | undefined, string>([[401, 'give credentials in `headers`'], [404, WHERE], [-1, WHERE]])

function refusal (cause: StreamableHTTPError, path: string): Error {
  const { code, message } = cause
  const said = message.replace(/^Streamable HTTP error: (Error POSTing to endpoint: )?/, code === -1 ? '' : `${code} `)
  return new Error([`createTestClient: POST ${path}: ${said}`, hints.get(code)].filter(Boolean).join('; '), { cause })
}
