// An application that was there before: its own routes, its own sign-in, its own CORS. One `register` adds an MCP endpoint
// under /ai, which asks the same users in the same way. Ctrl+C ends it.
//
//   PORT=3000 npx tsx examples/embed.ts
import cors from '@fastify/cors'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import Fastify, { type FastifyRequest } from 'fastify'
import { z } from 'zod'
import weir from '../src/index.js'

const todos = [{ owner: 'ada', title: 'Swim in the Aare' }]
const users: Record<string, string | undefined> = { 'token-of-ada': 'ada', 'token-of-eve': 'eve' }

/** The application's own idea of who asks. */
function userOf ({ headers }: FastifyRequest): string | undefined {
  return users[(headers.authorization ?? '').replace(/^Bearer /, '')]
}

const app = Fastify({ logger: { level: 'warn' }, forceCloseConnections: true })
await app.register(cors, { origin: 'https://app.example.com' })

app.get('/todos', async (request, reply) => {
  const user = userOf(request)
  if (user === undefined) return await reply.code(401).send({ message: 'Who are you?' })
  return todos.filter(({ owner }) => owner === user)
})

// All that is new.
await app.register(weir, {
  prefix: '/ai',
  corsOrigins: ['https://app.example.com'],
  authenticate: request => {
    const user = userOf(request)
    return user === undefined ? null : { id: user }
  },
  createServer: ({ principal }) => {
    const server = new McpServer({ name: 'todos', version: '1.0.0' })
    server.registerTool('add_todo', { inputSchema: { title: z.string() } }, ({ title }) => {
      todos.push({ owner: principal.id, title })
      return { content: [{ type: 'text', text: `Added: ${title}` }] }
    })
    return server
  }
})

process.once('SIGINT', () => { void app.close() })
console.log(`listening at ${await app.listen({ port: Number(process.env['PORT'] ?? 3000) })}`)
