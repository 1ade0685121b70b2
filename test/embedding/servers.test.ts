// Every kind of server that the two SDKs have is served over both transports.
import { McpServer as McpServerV2, Server as ServerV2 } from '@modelcontextprotocol/server'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { test } from 'tap'
import { z } from 'zod'
import type { CreateServer } from '../../src/index.js'
import { build, fixtureServer, nothingLeft, until } from '../helper.js'
import { connect } from './sdk-clients.js'

const info = { name: 'fixture', version: '1.2.3' }
const echo = { name: 'echo', inputSchema: { type: 'object' as const, properties: { text: { type: 'string' as const } } } }
const said = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })

const kinds: Record<string, CreateServer> = {
  'McpServer of SDK v1': () => fixtureServer(),
  'Server of SDK v1': () => {
    const server = new Server(info, { capabilities: { tools: {} } })
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [echo] }))
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => said(params.arguments?.['text']))
    return server
  },
  'McpServer of SDK v2': () => {
    const server = new McpServerV2(info)
    server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text }) => said(text))
    return server
  },
  'Server of SDK v2': () => {
    const server = new ServerV2(info, { capabilities: { tools: {} } })
    server.setRequestHandler('tools/list', () => ({ tools: [echo] }))
    server.setRequestHandler('tools/call', ({ params }) => said(params.arguments?.['text']))
    return server
  }
}

for (const [kind, createServer] of Object.entries(kinds)) {
  test(`a ${kind} is served, and leaves nothing`, async t => {
    const built = await build(t, { createServer, sessionHibernateSeconds: 0.1 })
    for (const path of ['/mcp', '/sse']) {
      const client = await connect(t, built.url + path)
      t.same(client.getServerVersion(), info)
      t.ok((await client.listTools()).tools.some(({ name }) => name === 'echo'))
      t.match(await client.callTool({ name: 'echo', arguments: { text: 'grüezi' } }), { content: [{ text: 'grüezi' }] }, path)
      await client.close()
    }
    await built.app.mcp.sessions.closeByOwner('anonymous')
    await until(() => built.metrics().active_connections === 0)
    nothingLeft(t, built)
    t.match(built.metrics(), { total_errors: 0 })
  })
}
