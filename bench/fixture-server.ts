import { setTimeout as delay } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import * as z from 'zod'

/** Characters of one notification of the tool `flood`. */
const FLOOD_CHUNK = 65_536

/** Notifications of `flood` between two turns of the event loop. */
const FLOOD_BATCH = 8

/** Milliseconds between the two times that the tool `slow-echo` says something. */
const SLOW_MS = 50

// Shared by all instances: what is compared is the endpoint, not what Zod holds.
const Text = { text: z.string().describe('Any text') }
const Flood = { count: z.number().int().describe(`How many notifications of ${FLOOD_CHUNK} characters`) }
const chunk = 'x'.repeat(FLOOD_CHUNK)

/** The server of every benchmark: ten tools. `onFlooded` is told when the tool `flood` has said all. */
export function fixtureServer (onFlooded?: () => void): McpServer {
  const server = new McpServer({ name: 'fixture', version: '1.0.0' }, { capabilities: { logging: {} } })

  server.registerTool('echo', { description: 'Says what it hears', inputSchema: Text }, async ({ text }) => ({ content: [{ type: 'text', text }] }))

  // Asks nobody whether anyone listens: neither the signal, nor whether the last notification could be sent.
  server.registerTool('flood', { description: 'Says very much', inputSchema: Flood }, async ({ count }, { sendNotification }) => {
    for (let sent = 0; sent < count; sent++) {
      void sendNotification({ method: 'notifications/message', params: { level: 'info', data: chunk } }).catch(() => {})
      if (sent % FLOOD_BATCH === FLOOD_BATCH - 1) await new Promise(resolve => { setImmediate(resolve) })
    }
    onFlooded?.()
    return { content: [{ type: 'text', text: `${count} notifications` }] }
  })

  // Speaks before it answers: such an answer needs a stream, which can break in between.
  server.registerTool('slow-echo', { description: 'Says what it hears, twice', inputSchema: Text }, async ({ text }, { sendNotification }) => {
    await sendNotification({ method: 'notifications/message', params: { level: 'info', data: text } })
    await delay(SLOW_MS)
    return { content: [{ type: 'text', text }] }
  })

  for (let number = 4; number <= 10; number++) {
    server.registerTool(`tool-${number}`, { description: `Tool ${number} of ten`, inputSchema: Text }, async ({ text }) => ({ content: [{ type: 'text', text: text.toUpperCase() }] }))
  }
  return server
}
