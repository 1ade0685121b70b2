// A server for each user: which tools there are, and whose data they see, follows from who opened the session. Ctrl+C ends it.
//
//   PORT=3000 npx tsx examples/per-user-server.ts
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import Fastify from 'fastify'
import { z } from 'zod'
import weir, { type Principal, type ServerContext } from '../src/index.js'

/** What a database would know. */
const accounts: Record<string, { principal: Principal, notes: string[] } | undefined> = {
  'token-of-ada': { principal: { id: 'ada', scopes: ['notes:read', 'notes:write'], claims: { team: 'bern' } }, notes: ['Bring a towel'] },
  'token-of-eve': { principal: { id: 'eve', scopes: ['notes:read'], claims: { team: 'thun' } }, notes: ['The lake is cold'] }
}

function accountOf (id: string) {
  return Object.values(accounts).find(account => account?.principal.id === id)
}

function buildServer ({ principal, clientInfo, headers, log, signal }: ServerContext): McpServer {
  const { id, scopes = [], claims } = principal
  const notes = accountOf(id)?.notes ?? []
  const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
  log.info({ client: clientInfo?.name, language: headers['accept-language'] }, 'a server is built')
  // What it holds is let go with it: at the session's end, and when the session hibernates.
  signal.addEventListener('abort', () => { log.info('a server is let go') })

  const server = new McpServer({ name: `notes of ${id}`, version: '1.0.0' }, { instructions: `You work for team ${String(claims?.['team'])}` })
  server.registerTool('list_notes', {}, () => text(notes.join('\n')))
  // Who sends this very message, which may be told more freshly than who opened the session.
  server.registerTool('whoami', {}, ({ authInfo }) => text(`${authInfo?.clientId}: ${authInfo?.scopes.join(' ')}`))
  if (scopes.includes('notes:write')) {
    server.registerTool('add_note', { inputSchema: { note: z.string() } }, ({ note }) => {
      notes.push(note)
      return text('Noted')
    })
  }
  return server
}

const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'warn' }, forceCloseConnections: true })
await app.register(weir, {
  contextHeaders: ['accept-language'],
  authenticate: async ({ headers }) => {
    if (headers.authorization === undefined) return null
    const account = accounts[headers.authorization.replace(/^Bearer /, '')]
    if (account === undefined) throw Object.assign(new Error('This token is unknown: sign in again'), { statusCode: 401 })
    return account.principal
  },
  createServer: buildServer
})

// Signing out ends a user's sessions.
app.post<{ Params: { id: string } }>('/sign-out/:id', async ({ params }) => ({ ended: await app.mcp.sessions.closeByOwner(params.id) }))

process.once('SIGINT', () => { void app.close() })
console.log(`listening at ${await app.listen({ port: Number(process.env['PORT'] ?? 3000) })}`)
