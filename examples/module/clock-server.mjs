// A module that Weir loads into its own process: the default export builds one server for each session.
//
//   mcp-weir examples/module/clock-server.mjs
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

export default function createServer ({ principal, log }) {
  const server = new McpServer({ name: 'clock', version: '1.0.0' })
  server.registerTool('now', {
    description: 'The time in a time zone such as Europe/Zurich',
    inputSchema: { timeZone: z.string().default('UTC') }
  }, ({ timeZone }) => {
    log.debug({ timeZone }, 'the time was asked for')
    return { content: [{ type: 'text', text: `${principal.id}, it is ${new Date().toLocaleString('sv-SE', { timeZone })} in ${timeZone}` }] }
  })
  return server
}
