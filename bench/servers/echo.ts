import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { answerParent } from './reports.js'

interface Call {
  id: number
  params: { arguments: { text: string } }
}

// The ceiling of HTTP: Fastify alone, which takes and gives the bytes of a `tools/call`.
const fastify = Fastify()
fastify.post<{ Body: Call }>('/mcp', async ({ body }) => ({
  result: { content: [{ type: 'text', text: body.params.arguments.text }] },
  jsonrpc: '2.0',
  id: body.id
}))
await fastify.listen({ host: '127.0.0.1', port: 0 })
answerParent((fastify.server.address() as AddressInfo).port)
