// A server of SDK v2 (`@modelcontextprotocol/server`), served like one of v1. Ctrl+C ends it.
//
//   PORT=3000 npx tsx examples/v2-server.ts
import { McpServer } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import { z } from 'zod'
import weir from '../src/index.js'

const app = Fastify({ logger: { level: 'warn' }, forceCloseConnections: true })
await app.register(weir, {
  apiKeys: ['a long random key'],
  serverInfo: { name: 'dice', version: '2.0.0' },
  createServer: () => {
    const server = new McpServer({ name: 'dice', version: '2.0.0' }, { capabilities: { logging: {} } })
    server.registerTool('roll', {
      description: 'Rolls dice',
      inputSchema: z.object({ dice: z.number().int().min(1).max(100) }),
      outputSchema: z.object({ sum: z.number(), by: z.string() })
    }, ({ dice }, { http }) => {
      const sum = Array.from({ length: dice }, () => 1 + Math.floor(Math.random() * 6)).reduce((total, value) => total + value)
      const structuredContent = { sum, by: http?.authInfo?.clientId ?? 'nobody' }
      return { structuredContent, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] }
    })
    return server
  }
})

process.once('SIGINT', () => { void app.close() })
console.log(`listening at ${await app.listen({ port: Number(process.env['PORT'] ?? 3000) })}`)
