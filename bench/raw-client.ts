import { Agent, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'

/** The key that clients send; Express does not look at it. */
export const API_KEY = 'a key that is long enough for a benchmark'

/** Milliseconds after which an answer is given up. */
const TIMEOUT_MS = 30_000

interface Answer {
  id: number
  result?: { serverInfo?: { name: string }, content?: { text: string }[] }
  error?: { message: string }
}

interface Waiting {
  resolve (answer: Answer): void
  reject (error: Error): void
  timer: NodeJS.Timeout
}

/** The session is not there any more. */
export class Gone extends Error {}

/** A client of HTTP+SSE on bare `node:http`, as cheap as can be: what it spends is taken from the server's machine. */
export class RawClient {
  readonly #origin: { host: string, port: number }
  readonly #agent: Agent
  readonly #waiting = new Map<number, Waiting>()
  #stream: IncomingMessage | undefined
  #endpoint = ''
  #endpointSeen: (() => void) | undefined
  #text = ''
  #lastId = 0

  private constructor (port: number, agent: Agent) {
    this.#origin = { host: '127.0.0.1', port }
    this.#agent = agent
  }

  /** Opens a stream, and waits for its `endpoint` event. */
  static async open (port: number, agent: Agent): Promise<RawClient> {
    const client = new RawClient(port, agent)
    await client.#openStream()
    return client
  }

  /** Opens a session that is ready for calls. */
  static async initialized (port: number, agent: Agent): Promise<RawClient> {
    const client = await RawClient.open(port, agent)
    await client.initialize()
    return client
  }

  async initialize (): Promise<string> {
    const answer = await this.call('initialize', { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } })
    await this.#post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return answer.result?.serverInfo?.name ?? ''
  }

  /** Calls the tool `echo`, and checks what it says. */
  async echo (text: string): Promise<void> {
    const { result } = await this.call('tools/call', { name: 'echo', arguments: { text } })
    if (result?.content?.[0]?.text !== text) throw new Error(`echo of ${text} failed: ${JSON.stringify(result)}`)
  }

  /** Sends a request, and waits for its answer on the stream. */
  async call (method: string, params: object): Promise<Answer> {
    const id = ++this.#lastId
    const answered = new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => { this.#settle(id)?.reject(new Error(`no answer to ${method}`)) }, TIMEOUT_MS)
      this.#waiting.set(id, { resolve, reject, timer })
    })
    // The answer may come before the 202, and it may fail first: both are waited for.
    const [answer] = await Promise.all([answered, this.#post({ jsonrpc: '2.0', id, method, params })])
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`)
    return answer
  }

  /** Sends a request whose answer nobody waits for. */
  async send (method: string, params: object): Promise<void> {
    await this.#post({ jsonrpc: '2.0', id: ++this.#lastId, method, params })
  }

  /** Takes nothing from the stream any more, and keeps it open. */
  stopReading (): void {
    this.#stream?.pause()
  }

  close (): void {
    this.#fail(new Error('closed'))
    this.#stream?.destroy()
  }

  async #openStream (): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#endpointSeen = resolve
      const opening = request({ ...this.#origin, path: '/sse', agent: false, headers: { accept: 'text/event-stream', 'x-api-key': API_KEY } }, stream => {
        if (stream.statusCode !== 200) reject(new Error(`GET /sse: ${stream.statusCode}`))
        this.#stream = stream.setEncoding('utf8')
        stream.on('data', (text: string) => { this.#read(text) })
        stream.on('error', error => { this.#fail(error) })
        stream.on('close', () => { this.#fail(new Gone('the stream ended')) })
      })
      opening.on('error', error => {
        this.#fail(error)
        reject(error)
      })
      opening.end()
    })
  }

  async #post (message: object): Promise<void> {
    const body = JSON.stringify(message)
    const headers: OutgoingHttpHeaders = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'x-api-key': API_KEY }
    await new Promise<void>((resolve, reject) => {
      const post = request({ ...this.#origin, method: 'POST', path: this.#endpoint, agent: this.#agent, headers }, response => {
        if (response.statusCode !== 202) reject(response.statusCode === 404 ? new Gone('POST: the session is gone') : new Error(`POST: ${response.statusCode}`))
        response.on('end', resolve)
        response.on('error', reject)
        response.resume()
      })
      post.on('error', reject)
      post.end(body)
    })
  }

  #read (text: string): void {
    this.#text += text
    for (let end = this.#text.indexOf('\n\n'); end !== -1; end = this.#text.indexOf('\n\n')) {
      this.#readEvent(this.#text.slice(0, end))
      this.#text = this.#text.slice(end + 2)
    }
  }

  #readEvent (event: string): void {
    const [first = '', second = ''] = event.split('\n')
    const data = second.slice('data: '.length)
    if (first === 'event: endpoint') {
      this.#endpoint = data
      this.#endpointSeen?.()
    } else if (first === 'event: message') {
      const answer = JSON.parse(data) as Answer
      this.#settle(answer.id)?.resolve(answer)
    }
  }

  #settle (id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    clearTimeout(waiting?.timer)
    this.#waiting.delete(id)
    return waiting
  }

  #fail (error: Error): void {
    for (const id of this.#waiting.keys()) this.#settle(id)?.reject(error)
  }
}

/** Keeps connections for many requests. */
export function keepAlive (maxSockets = Infinity): Agent {
  return new Agent({ keepAlive: true, maxSockets })
}
