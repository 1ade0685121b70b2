import { once } from 'node:events'
import net from 'node:net'
import { StringDecoder } from 'node:string_decoder'

/** One request on a connection, and what became of it. */
export class Exchange {
  readonly startedAt = performance.now()
  status = 0
  headers: Record<string, string> = {}
  body = ''
  /** When the last byte came. */
  heardAt = 0
  /** `lost`: the connection was over before the answer was. */
  outcome: 'waiting' | 'ended' | 'lost' = 'waiting'
  /** Takes what comes of the body, in place of `body`. */
  onText: ((text: string) => void) | undefined
  /** Settles when the answer's head is there, or never will be. */
  readonly head: Promise<void>
  /** Settles when the answer is there, or never will be. */
  readonly done: Promise<void>
  readonly #decoder = new StringDecoder('utf8')
  #headed: (() => void) | undefined
  #ended: (() => void) | undefined

  constructor (readonly method: string) {
    this.head = new Promise(resolve => { this.#headed = resolve })
    this.done = new Promise(resolve => { this.#ended = resolve })
  }

  get isStream (): boolean { return this.status === 200 && this.headers['content-type']?.startsWith('text/event-stream') === true }

  begin (status: number, headers: Record<string, string>): void {
    this.status = status
    this.headers = headers
    this.heardAt = performance.now()
    this.#headed?.()
  }

  hear (bytes: Buffer): void {
    this.heardAt = performance.now()
    const text = this.#decoder.write(bytes)
    if (this.onText === undefined) this.body += text
    else this.onText(text)
  }

  end (outcome: 'ended' | 'lost'): void {
    if (this.outcome !== 'waiting') return
    this.outcome = outcome
    this.#headed?.()
    this.#ended?.()
  }
}

type Rest = { kind: 'length' | 'chunk', left: number } | { kind: 'close' } | { kind: 'size' | 'after-chunk' | 'trailer' }

/** A client's connection that says anything, and reads answers as HTTP/1.1 frames them (RFC 9112). */
export class Connection {
  readonly #socket: net.Socket
  readonly #waiting: Exchange[] = []
  #buffer: Buffer = Buffer.alloc(0)
  #rest: Rest | undefined
  #closing = false
  #gone = false
  #refused = false

  private constructor (socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => { this.#read(bytes) })
    socket.on('error', () => {})
    socket.on('close', () => { this.#over() })
    // The server will say no more: neither will we.
    socket.on('end', () => { socket.end() })
  }

  static async open (port: number): Promise<Connection> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }

  /** Whether another request may go out on it. */
  get usable (): boolean { return !this.#closing && !this.#socket.destroyed && this.#socket.writable }

  /** Whether the server said that it answers nothing more on it (RFC 9112, section 9.6). */
  get refused (): boolean { return this.#refused }

  get idle (): boolean { return this.#waiting.length === 0 }

  /** Whether this side went away first. */
  get gone (): boolean { return this.#gone }

  get closed (): boolean { return this.#socket.closed }

  /** Writes bytes that ask for one answer. */
  send (bytes: Buffer, method: string): Exchange {
    const [exchange] = this.sendAll([{ bytes, method }])
    return exchange as Exchange
  }

  /** Writes several requests at once (RFC 9112, section 9.3.2). */
  sendAll (requests: { bytes: Buffer, method: string }[]): Exchange[] {
    const exchanges = requests.map(({ method }) => new Exchange(method))
    this.#waiting.push(...exchanges)
    if (this.#socket.destroyed) this.#over()
    else this.#socket.write(Buffer.concat(requests.map(({ bytes }) => bytes)))
    return exchanges
  }

  /** Writes what is no whole request. */
  write (bytes: Buffer): void { this.#socket.write(bytes) }

  /** Reads nothing more until `resume`. */
  pause (): void { this.#socket.pause() }

  resume (): void { this.#socket.resume() }

  /** Says no more, and still listens. */
  halfClose (): void { this.#socket.end() }

  destroy (): void {
    this.#gone = true
    this.#socket.destroy()
  }

  /** Goes with a reset. */
  reset (): void {
    this.#gone = true
    this.#socket.resetAndDestroy()
  }

  #over (): void {
    this.#closing = true
    const [current] = this.#waiting
    if (current !== undefined && this.#rest?.kind === 'close') current.end('ended')
    for (const exchange of this.#waiting.splice(0)) exchange.end('lost')
  }

  #read (bytes: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes])
    while (this.#buffer.length > 0 && this.#step());
  }

  /** Takes one piece of what came; false where more must come first. */
  #step (): boolean {
    const exchange = this.#waiting[0]
    if (exchange === undefined) {
      // An answer that nobody waits for: to bytes that were no request.
      this.#buffer = Buffer.alloc(0)
      return false
    }
    const rest = this.#rest
    if (rest === undefined) return this.#readHead(exchange)
    switch (rest.kind) {
      case 'close':
        exchange.hear(this.#take(this.#buffer.length))
        return false
      case 'length':
      case 'chunk': {
        const part = this.#take(Math.min(rest.left, this.#buffer.length))
        exchange.hear(part)
        rest.left -= part.length
        if (rest.left === 0 && rest.kind === 'length') this.#finish()
        else if (rest.left === 0) this.#rest = { kind: 'after-chunk' }
        return true
      }
      case 'size': {
        const line = this.#takeLine()
        if (line === undefined) return false
        const left = Number.parseInt(line, 16)
        this.#rest = left === 0 ? { kind: 'trailer' } : { kind: 'chunk', left }
        return true
      }
      case 'after-chunk':
        if (this.#takeLine() === undefined) return false
        this.#rest = { kind: 'size' }
        return true
      case 'trailer':
        if (this.#takeLine() === undefined) return false
        this.#finish()
        return true
    }
  }

  #readHead (exchange: Exchange): boolean {
    const end = this.#buffer.indexOf('\r\n\r\n')
    if (end === -1) return false
    const [first = '', ...lines] = this.#take(end + 4).toString('latin1').trimEnd().split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0)
    // RFC 9110, section 15.2: on the way to the answer.
    if (status >= 100 && status < 200) return true
    const headers = Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
    if (/close/i.test(headers['connection'] ?? '')) this.#closing = this.#refused = true
    if (exchange.method === 'HEAD' || status === 204 || status === 304) this.#rest = { kind: 'length', left: 0 }
    else if (/chunked/i.test(headers['transfer-encoding'] ?? '')) this.#rest = { kind: 'size' }
    else if (headers['content-length'] !== undefined) this.#rest = { kind: 'length', left: Number(headers['content-length']) }
    else this.#rest = { kind: 'close' }
    exchange.begin(status, headers)
    if (this.#rest.kind === 'length' && this.#rest.left === 0) this.#finish()
    return true
  }

  #finish (): void {
    this.#rest = undefined
    this.#waiting.shift()?.end('ended')
  }

  #take (length: number): Buffer {
    const taken = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return taken
  }

  #takeLine (): string | undefined {
    const end = this.#buffer.indexOf('\r\n')
    return end === -1 ? undefined : this.#take(end + 2).toString('latin1').trimEnd()
  }
}
