import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js'
import Fastify, { type FastifyReply } from 'fastify'
import { fixtureServer } from '../fixture-server.js'
import { answerParent } from './reports.js'

// The floor of Streamable HTTP on Fastify: JSON answers only. Nothing is checked, nobody is asked for a key, nothing is limited.
class DirectTransport implements Transport {
  readonly sessionId = randomUUID()
  onmessage?: (message: JSONRPCMessage) => void
  readonly #replies = new Map<RequestId, FastifyReply>()

  async start (): Promise<void> {}
  async close (): Promise<void> {}

  async send (message: JSONRPCMessage): Promise<void> {
    if ('method' in message || message.id === undefined) return
    void this.#replies.get(message.id)?.header('mcp-session-id', this.sessionId).type('application/json; charset=utf-8').send(JSON.stringify(message))
    this.#replies.delete(message.id)
  }

  receive (message: JSONRPCMessage, reply: FastifyReply): void {
    if ('method' in message && 'id' in message) this.#replies.set(message.id, reply)
    else void reply.code(202).send()
    this.onmessage?.(message)
  }
}

const transports = new Map<unknown, DirectTransport>()

const fastify = Fastify()
fastify.post<{ Body: JSONRPCMessage }>('/mcp', (request, reply) => {
  const transport = transports.get(request.headers['mcp-session-id'])
  if (transport === undefined) void open(request.body, reply)
  else transport.receive(request.body, reply)
})

async function open (message: JSONRPCMessage, reply: FastifyReply): Promise<void> {
  const transport = new DirectTransport()
  transports.set(transport.sessionId, transport)
  await fixtureServer().connect(transport)
  transport.receive(message, reply)
}

await fastify.listen({ host: '127.0.0.1', port: 0 })
answerParent((fastify.server.address() as AddressInfo).port)
