// An MCP server that speaks over stdio, as any command may: it knows nothing of HTTP, and serves one client. Weir starts one
// for each session.
//
//   mcp-weir -- node examples/stdio/dice-server.mjs
import { randomInt } from 'node:crypto'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { z } from 'zod'

const sides = Number(process.env.SIDES ?? 6)
const server = new McpServer({ name: 'dice', version: '1.0.0' })
let rolls = 0

server.registerTool('roll', {
  description: `Rolls dice with ${sides} sides`,
  inputSchema: { dice: z.number().int().min(1).max(100).default(1) }
}, ({ dice }) => {
  // Nobody else counts here: the process is this session's own.
  rolls++
  const thrown = Array.from({ length: dice }, () => randomInt(1, sides + 1))
  return { content: [{ type: 'text', text: `Roll ${rolls}: ${thrown.join(', ')}` }] }
})

await server.connect(new StdioServerTransport())
// stdout is for the protocol; what is said on stderr comes into Weir's log.
console.error(`dice with ${sides} sides are ready`)
