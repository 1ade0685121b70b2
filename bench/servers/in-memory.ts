import { setImmediate as turn } from 'node:timers/promises'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { fixtureServer } from '../fixture-server.js'
import { PROTOCOL_VERSION } from '../streamable-client.js'
import { answerParent } from './reports.js'

/** Sessions, each with one call in flight. */
const SESSIONS = 32

/** Milliseconds of calls that one question asks for. */
const RUN_MS = 500

// The ceiling of the SDK: the same server, given and giving message objects. No HTTP, no JSON.
class MemoryTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void
  #lastId = 0
  #answered: ((message: JSONRPCMessage) => void) | undefined

  async start (): Promise<void> {}
  async close (): Promise<void> {}
  async send (message: JSONRPCMessage): Promise<void> { this.#answered?.(message) }

  async call (method: string, params: Record<string, unknown>): Promise<JSONRPCMessage> {
    return await new Promise(resolve => {
      this.#answered = resolve
      this.onmessage?.({ jsonrpc: '2.0', id: ++this.#lastId, method, params })
    })
  }

  async echo (text: string): Promise<void> {
    const answer = await this.call('tools/call', { name: 'echo', arguments: { text } })
    const [content] = 'result' in answer ? answer.result['content'] as { text: string }[] : []
    if (content?.text !== text) throw new Error(`echo of ${text} failed: ${JSON.stringify(answer)}`)
  }
}

const transports = await Promise.all(Array.from({ length: SESSIONS }, async () => {
  const transport = new MemoryTransport()
  await fixtureServer().connect(transport)
  await transport.call('initialize', { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } })
  transport.onmessage?.({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return transport
}))

async function run (): Promise<number> {
  const started = performance.now()
  let calls = 0
  while (performance.now() - started < RUN_MS) {
    await Promise.all(transports.map(async transport => { await transport.echo(`call ${1_000_000 + calls++}`) }))
    // As under HTTP the event loop turns between two calls of a session.
    await turn()
  }
  return calls * 1_000 / (performance.now() - started)
}

answerParent(0, { run })
