// The whole thing on one machine, without the network: a simulated river, the endpoint, and a real MCP client that talks
// to it. Prints the conversation and leaves the endpoint running until Ctrl+C.
//
//   npm run demo
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { loadConfig } from '../src/config.js'
import { isWeirError } from '../src/errors.js'
import { serve } from '../src/server.js'
import { startSimulatedRiver } from './simulated-river.js'

async function demo (): Promise<void> {
  const river = await startSimulatedRiver()
  const config = loadConfig({ overrides: { AAREGURU_BASE_URL: river.url, LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn', LOG_FORMAT: 'text' } })
  const [key] = config.endpoint.apiKeys
  const headers: Record<string, string> = key === undefined ? {} : { 'x-api-key': key }
  const app = await serve(config)
  const url = new URL('/mcp', app.listeningOrigin)

  say(`The river is simulated at ${river.url}, the endpoint is ${url.href}`)
  const client = new Client({ name: 'demo', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }))
  const { name, version } = client.getServerVersion() ?? {}
  say(`Connected to ${name} ${version}`)

  const { tools } = await client.listTools()
  say(`It has ${tools.length} tools: ${tools.map(tool => tool.name).join(', ')}`)
  await ask(client, 'How warm is the Aare in Bern?', 'get_current_temperature', {})
  await ask(client, 'Is it safe in Thun?', 'get_flow_danger_level', { city: 'Thun' })
  await ask(client, 'And in Atlantis?', 'get_current_temperature', { city: 'Atlantis' })
  await client.close()

  say(`The endpoint goes on. Try it:\n\n  curl -N ${url.href}\n  curl ${new URL('/metrics', url).href}\n\nCtrl+C ends it.`)
}

async function ask (client: Client, question: string, tool: string, args: Record<string, unknown>): Promise<void> {
  say(`> ${question}  (${tool} ${JSON.stringify(args)})`)
  const { isError, structuredContent, content } = await client.callTool({ name: tool, arguments: args })
  say(isError === true ? (content as { text: string }[]).map(({ text }) => text).join('\n') : JSON.stringify(structuredContent, null, 2))
}

function say (text: string): void {
  process.stdout.write(`${text}\n\n`)
}

try {
  await demo()
} catch (error) {
  process.stderr.write(`demo: ${isWeirError(error) && error.detail !== undefined ? error.detail : String(error)}\n`)
  process.exit(1)
}
