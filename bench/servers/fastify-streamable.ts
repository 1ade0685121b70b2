import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { answerParent } from './reports.js'
import { handle } from './sdk-sessions.js'

// The SDK's transport on Fastify, which answers past Fastify's reply.
const fastify = Fastify()
fastify.all('/mcp', async (request, reply) => {
  reply.hijack()
  await handle(request.raw, reply.raw, request.body)
})
await fastify.listen({ host: '127.0.0.1', port: 0 })
answerParent((fastify.server.address() as AddressInfo).port)
