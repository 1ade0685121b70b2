import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Client as ClientV2, SSEClientTransport as SSEClientTransportV2 } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { test } from 'tap'
import { build, nothingLeft, until, type Built } from './helper.js'

const apiKeys = ['a key for the clients']
const headers = { 'x-api-key': apiKeys[0] ?? '' }
const gone = (built: Built) => until(() => built.app.mcp.sessions.size === 0 && built.metrics().active_connections === 0)
const sampled = { model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'The Aare' } }

test('the client of SDK v1 initializes, lists, calls, is asked, and leaves', async t => {
  const built = await build(t, { apiKeys })
  const client = new Client({ name: 'v1', version: '1' }, { capabilities: { sampling: {} } })
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled)
  await client.connect(new SSEClientTransport(new URL(`${built.url}/sse`), { requestInit: { headers } }))
  t.same(client.getServerVersion(), { name: 'fixture', version: '1.2.3' })
  t.equal((await client.listTools()).tools.length, 7)
  t.match(await client.callTool({ name: 'echo', arguments: { text: 'grüezi' } }), { content: [{ text: 'grüezi' }] })
  t.match(await client.callTool({ name: 'ask', arguments: {} }), { content: [{ text: /The Aare/ }] })
  await client.close()
  await gone(built)
  nothingLeft(t, built)
})

test('the client of SDK v2 initializes, lists, calls, is asked, and leaves', async t => {
  const built = await build(t, { apiKeys })
  const client = new ClientV2({ name: 'v2', version: '1' }, { capabilities: { sampling: {} } })
  client.setRequestHandler('sampling/createMessage', () => sampled)
  await client.connect(new SSEClientTransportV2(new URL(`${built.url}/sse`), { requestInit: { headers } }))
  t.match(client.getServerVersion(), { name: 'fixture', version: '1.2.3' })
  t.equal((await client.listTools()).tools.length, 7)
  t.match(await client.callTool({ name: 'echo', arguments: { text: 'grüezi' } }), { content: [{ text: 'grüezi' }] })
  t.match(await client.callTool({ name: 'ask', arguments: {} }), { content: [{ text: /The Aare/ }] })
  await client.close()
  await gone(built)
  nothingLeft(t, built)
})

test('a server of SDK v2 is served to a client of SDK v1', async t => {
  const built = await build(t, {
    createServer: () => {
      const server = new McpServerV2({ name: 'second', version: '2' })
      server.registerTool('hello', { description: 'greets' }, () => ({ content: [{ type: 'text', text: 'grüezi' }] }))
      return server
    }
  })
  const client = new Client({ name: 'v1', version: '1' })
  await client.connect(new SSEClientTransport(new URL(`${built.url}/sse`)))
  t.match(await client.callTool({ name: 'hello' }), { content: [{ text: 'grüezi' }] })
  await client.close()
  await gone(built)
})

test('clients without a key are told so', async t => {
  const built = await build(t, { apiKeys })
  const client = new Client({ name: 'v1', version: '1' })
  await t.rejects(client.connect(new SSEClientTransport(new URL(`${built.url}/sse`))), /401/)
  nothingLeft(t, built)
})

test('curl reads the stream and posts to it', async t => {
  const built = await build(t, { apiKeys })
  const curl = (...args: string[]) => promisify(execFile)('curl', ['-sS', ...args])
  const stream = execFile('curl', ['-sSN', '-H', `X-API-Key: ${apiKeys[0]}`, `${built.url}/sse`])
  t.teardown(() => { stream.kill() })
  let seen = ''
  stream.stdout?.on('data', (text: string) => { seen += text })
  await until(() => seen.includes('event: endpoint'))
  const path = /data: (\S+)/.exec(seen)?.[1] ?? ''
  const { stdout } = await curl('-i', '-H', `Authorization: Bearer ${apiKeys[0]}`, '--json', '{"jsonrpc":"2.0","id":1,"method":"ping"}', built.url + path)
  t.match(stdout, /^HTTP\/1.1 202 Accepted[^]*\r\n\r\nAccepted$/)
  await until(() => seen.includes('data: {"result":{},"jsonrpc":"2.0","id":1}'))
  stream.kill()
  await gone(built)
})
