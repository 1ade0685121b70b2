// Each example of a server of one's own, served as it says, with a real client.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { test, type Test } from 'tap'
import { serve } from './process.js'

const root = path.resolve(import.meta.dirname, '..')

/** The words after `mcp-weir` in an example's first lines. */
const argsIn = (example: string) => /^\/\/ {3}mcp-weir (.*)$/m.exec(readFileSync(path.join(root, example), 'utf8'))?.[1]?.split(' ') ?? []

async function call (t: Test, url: string, name: string, args: Record<string, unknown>, transport: 'mcp' | 'sse' = 'mcp') {
  const client = new Client({ name: 'example', version: '1' })
  t.teardown(() => client.close())
  await client.connect(transport === 'mcp' ? new StreamableHTTPClientTransport(new URL(`${url}/mcp`)) : new SSEClientTransport(new URL(`${url}/sse`)))
  return await client.callTool({ name, arguments: args })
}

test('a stdio server', async t => {
  const { url } = await serve(t, { args: argsIn('examples/stdio/dice-server.mjs'), cwd: root })
  for (const transport of ['mcp', 'sse'] as const) t.match(await call(t, url(), 'roll', { dice: 2 }, transport), { content: [{ text: /^Roll 1: [1-6], [1-6]$/ }] })
})

test('a module', async t => {
  const { url } = await serve(t, { args: argsIn('examples/module/clock-server.mjs'), cwd: root })
  t.match(await call(t, url(), 'now', { timeZone: 'Europe/Zurich' }), { content: [{ text: /^anonymous, it is .* in Europe\/Zurich$/ }] })
})

test('an mcp.json with three', async t => {
  const { url } = await serve(t, { args: ['--config', 'examples/mcp.json'], cwd: root })
  t.match(await (await fetch(url())).json(), { servers: [{ name: 'dice', service: 'dice' }, { name: 'clock', service: 'clock' }, { name: 'everything', service: /everything/ }] })
  t.match(await call(t, `${url()}/dice`, 'roll', {}), { content: [{ text: /^Roll 1: \d+$/ }] })
  t.match(await call(t, `${url()}/clock`, 'now', {}), { content: [{ text: /in UTC$/ }] })
  t.match(await call(t, `${url()}/everything`, 'echo', { message: 'hello' }), { content: [{ text: /hello/ }] })
})
