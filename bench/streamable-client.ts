import type { Answer, HttpConnection } from './http-connection.js'
import { API_KEY } from './raw-client.js'

export const PROTOCOL_VERSION = '2025-11-25'

/** A client of Streamable HTTP, as cheap as can be. Its connection may serve other clients in between. */
export class StreamableClient {
  readonly #connection: HttpConnection
  #session = ''
  #lastId = 0

  /** @param sessionId of a session that is there already. */
  constructor (connection: HttpConnection, sessionId?: string) {
    this.#connection = connection
    if (sessionId !== undefined) this.#enter(sessionId)
  }

  /** Opens a session that is ready for calls. */
  static async initialized (connection: HttpConnection): Promise<StreamableClient> {
    const client = new StreamableClient(connection)
    await client.initialize()
    return client
  }

  async initialize (): Promise<void> {
    const params = { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } }
    const answer = await this.#send('POST', JSON.stringify({ jsonrpc: '2.0', id: ++this.#lastId, method: 'initialize', params }))
    const sessionId = /\r\nmcp-session-id: *(\S+)/i.exec(answer.head)?.[1]
    if (answer.status !== 200 || sessionId === undefined || !answer.body.includes('"serverInfo":{"name":"fixture"')) throw refused('initialize', answer)
    this.#enter(sessionId)
    const noted = await this.#send('POST', '{"jsonrpc":"2.0","method":"notifications/initialized"}')
    if (noted.status !== 202) throw refused('notifications/initialized', noted)
  }

  /** Calls the tool `echo`, and checks what it says. `text` needs no escape in JSON. */
  async echo (text: string): Promise<void> {
    const body = `{"jsonrpc":"2.0","id":${++this.#lastId},"method":"tools/call","params":{"name":"echo","arguments":{"text":"${text}"}}}`
    const answer = await this.#send('POST', body)
    if (answer.status !== 200 || !answer.body.includes(`{"content":[{"type":"text","text":"${text}"}]}`) || !answer.body.includes(`"id":${this.#lastId}`)) throw refused(`echo of ${text}`, answer)
  }

  /** Ends the session. */
  async delete (): Promise<void> {
    const answer = await this.#send('DELETE', '')
    if (answer.status !== 200 && answer.status !== 204) throw refused('DELETE', answer)
  }

  /** The same session over another connection. Who calls on both at the same time says with which id the other begins. */
  over (connection: HttpConnection, lastId = this.#lastId): StreamableClient {
    const client = new StreamableClient(connection)
    client.#session = this.#session
    client.#lastId = lastId
    return client
  }

  async #send (method: string, body: string): Promise<Answer> {
    const content = body === '' ? '' : `content-type: application/json\r\ncontent-length: ${body.length}\r\n`
    return await this.#connection.exchange(`${method} /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json, text/event-stream\r\nx-api-key: ${API_KEY}\r\n${this.#session}${content}\r\n${body}`)
  }

  #enter (sessionId: string): void {
    this.#session = `mcp-session-id: ${sessionId}\r\nmcp-protocol-version: ${PROTOCOL_VERSION}\r\n`
  }
}

function refused (what: string, { head, body }: Answer): Error {
  return new Error(`${what} failed:\n${head}\n\n${body}`)
}
