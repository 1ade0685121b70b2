import { execFile } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { promisify } from 'node:util'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ListRootsResultSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { test, type Test } from 'tap'
import { build, nothingLeft, until, type Built } from './helper.js'
import { gate, reasonsOf, talkative, WireClient } from './streamable-client.js'

const sampled = { model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'The Aare' } }
const roots = { roots: [{ uri: 'file:///aare', name: 'Aare' }] }
const capabilities = { sampling: {}, elicitation: {}, roots: {} }
const hastily = { reconnectionOptions: { initialReconnectionDelay: 10, maxReconnectionDelay: 50, reconnectionDelayGrowFactor: 1, maxRetries: 20 } }
const gone = (built: Built) => until(() => built.app.mcp.sessions.size === 0 && built.metrics().active_connections === 0)

/** What the tests ask of either SDK's client. */
interface Connected {
  logs: unknown[]
  sessionId: () => string | undefined
  serverName: () => string | undefined
  tools: () => Promise<string[]>
  call: (name: string, args?: Record<string, unknown>, onprogress?: (progress: { progress: number }) => void) => Promise<unknown>
  leave: () => Promise<void>
}

async function connectV1 (t: Test, url: string, headers: Record<string, string> = {}): Promise<Connected> {
  const logs: unknown[] = []
  const client = new Client({ name: 'v1', version: '1' }, { capabilities })
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled)
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' as const }))
  client.setRequestHandler(ListRootsRequestSchema, () => roots)
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => { logs.push(params.data) })
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, ...hastily })
  await client.connect(transport)
  t.teardown(() => client.close())
  return {
    logs,
    sessionId: () => transport.sessionId,
    serverName: () => client.getServerVersion()?.name,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, onprogress) => await client.callTool({ name, arguments: args }, undefined, onprogress && { onprogress }),
    leave: async () => { await transport.terminateSession(); await client.close() }
  }
}

async function connectV2 (t: Test, url: string, headers: Record<string, string> = {}, mode: 'legacy' | 'auto' = 'legacy'): Promise<Connected> {
  const logs: unknown[] = []
  const client = new ClientV2({ name: 'v2', version: '1' }, { capabilities, versionNegotiation: { mode } })
  client.setRequestHandler('sampling/createMessage', () => sampled)
  client.setRequestHandler('elicitation/create', () => ({ action: 'decline' as const }))
  client.setRequestHandler('roots/list', () => roots)
  client.setNotificationHandler('notifications/message', ({ params }) => { logs.push(params.data) })
  const transport = new TransportV2(new URL(url), { requestInit: { headers }, ...hastily })
  await client.connect(transport)
  t.teardown(() => client.close())
  return {
    logs,
    sessionId: () => transport.sessionId,
    serverName: () => client.getServerVersion()?.name,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, onprogress) => await client.callTool({ name, arguments: args }, onprogress && { onprogress }),
    leave: async () => { await transport.terminateSession(); await client.close() }
  }
}

function serverV1 (hold?: () => Promise<string>) {
  const server = talkative(hold && { hold })
  server.registerTool('roots', {}, async ({ sendRequest }) => ({ content: [{ type: 'text', text: JSON.stringify(await sendRequest({ method: 'roots/list' }, ListRootsResultSchema)) }] }))
  return server
}

function serverV2 (hold?: () => Promise<string>) {
  const server = new McpServerV2({ name: 'fixture', version: '2' }, { capabilities: { logging: {} } })
  const text = (value: unknown) => ({ content: [{ type: 'text' as const, text: typeof value === 'string' ? value : JSON.stringify(value) }] })
  server.registerTool('echo', {}, () => text('grüezi'))
  server.registerTool('say', {}, async ({ mcpReq }) => {
    await mcpReq.log('info', 'x')
    return text(await (hold?.() ?? Promise.resolve('said')))
  })
  server.registerTool('progress', {}, async ({ mcpReq }) => {
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken: mcpReq._meta?.progressToken ?? 0, progress: 1, total: 2 } })
    return text('progressed')
  })
  server.registerTool('sample', {}, async ({ mcpReq }) => text(await mcpReq.requestSampling({ maxTokens: 5, messages: [] })))
  server.registerTool('elicit', {}, async ({ mcpReq }) => text(await mcpReq.elicitInput({ message: 'Who?', requestedSchema: { type: 'object', properties: {} } })))
  server.registerTool('ask', {}, async () => text(await server.server.createMessage({ maxTokens: 5, messages: [] })))
  server.registerTool('roots', {}, async () => text(await server.server.listRoots()))
  server.registerTool('flood', {}, async () => {
    await server.server.sendLoggingMessage({ level: 'info', data: 'unrelated' })
    return text('flooded')
  })
  return server
}

const clients = { v1: connectV1, v2: connectV2, 'v2 that probes for 2026-07-28': (t: Test, url: string) => connectV2(t, url, {}, 'auto') }
const servers = { v1: serverV1, v2: serverV2 }

for (const [clientName, connect] of Object.entries(clients)) {
  for (const [serverName, createServer] of Object.entries(servers)) {
    test(`a client of SDK ${clientName} and a server of SDK ${serverName} say all that they can`, async t => {
      const built = await build(t, { createServer: () => createServer() })
      const client = await connect(t, `${built.url}/mcp`)
      t.equal(client.serverName(), 'fixture')
      t.match(client.sessionId(), /^[0-9a-f-]{36}$/)
      t.ok((await client.tools()).includes('echo'))
      t.match(await client.call('echo', { text: 'grüezi' }), { content: [{ text: 'grüezi' }] })

      const progress: number[] = []
      t.match(await client.call('progress', {}, ({ progress: value }) => { progress.push(value) }), { content: [{ text: 'progressed' }] })
      t.same(progress, [1])
      t.match(await client.call('say', { pieces: 1 }), { content: [{ text: 'said' }] })
      t.same(client.logs, ['x'])

      t.match(await client.call('sample'), { content: [{ text: /The Aare/ }] })
      t.match(await client.call('elicit'), { content: [{ text: /decline/ }] })
      t.match(await client.call('roots'), { content: [{ text: /file:\/\/\/aare/ }] })
      t.match(await client.call('ask'), { content: [{ text: /The Aare/ }] }, 'over the standing stream')
      await client.call('flood', { bytes: 5, pieces: 1 })
      await until(() => client.logs.length === 2)

      await client.leave()
      await gone(built)
      t.same(reasonsOf(built), ['client'])
      nothingLeft(t, built)
    })
  }
}

for (const [name, connect] of Object.entries({ v1: connectV1, v2: connectV2 })) {
  test(`a client of SDK ${name} whose sockets are cut in the middle of a call gets its answer`, async t => {
    const { held, open, ...calls } = gate()
    const built = await build(t, { createServer: () => serverV1(held) })
    const proxy = await tcpProxy(t, built.port)
    const client = await connect(t, `${proxy.url}/mcp`)
    await until(() => built.metrics().active_connections === 1)
    const call = client.call('say', { pieces: 1, hold: true })
    await until(() => client.logs.length === 1)
    proxy.cut()
    await until(() => built.metrics().total_connections === 4)
    open('after all')
    t.match(await call, { content: [{ text: 'after all' }] })
    t.same(calls, { waiting: 0 })
    t.match(await client.call('ask'), { content: [{ text: /The Aare/ }] }, 'the standing stream is back as well')
    t.equal(client.logs.length, 1, 'nothing came twice')
    t.equal(built.app.mcp.sessions.size, 1)
    await client.leave()
    await gone(built)
  })

  test(`a client of SDK ${name} comes back to a stream that the tool ended`, async t => {
    const built = await build(t, { createServer: () => serverV1() })
    const client = await connect(t, `${built.url}/mcp`)
    t.match(await client.call('leave'), { content: [{ text: 'left' }] })
    await client.leave()
    await gone(built)
  })

  test(`a client of SDK ${name} without a key is told so`, async t => {
    const built = await build(t, { apiKeys: ['a key'] })
    await t.rejects(connect(t, `${built.url}/mcp`), /401|Unauthorized|Invalid or missing/i)
    nothingLeft(t, built)
  })

  test(`handlers see who calls on every message of a client of SDK ${name}, and no key`, async t => {
    const built = await build(t, { apiKeys: ['a secret key'], createServer: () => serverV1() })
    const client = await connect(t, `${built.url}/mcp`, { authorization: 'Bearer a secret key' })
    for (let call = 0; call < 3; call++) {
      const { content: [said] } = await client.call('whoami') as { content: { text: string }[] }
      const { authInfo, headers } = JSON.parse(String(said?.text)) as Record<string, Record<string, unknown>>
      t.match(authInfo, { token: '', clientId: /^key-[0-9a-f]{12}$/, scopes: [] })
      t.match(headers, { 'mcp-protocol-version': '2025-11-25' })
      t.notMatch(said?.text, /secret/)
    }
    await client.leave()
  })
}

test('two owners who try each other\'s sessions find nothing there, on every verb', async t => {
  const built = await build(t, { apiKeys: ['key of one', 'key of two'], createServer: () => serverV1() })
  const keys = [{ 'x-api-key': 'key of one' }, { 'x-api-key': 'key of two' }]
  const owners = await Promise.all(keys.map(headers => connectV1(t, `${built.url}/mcp`, headers)))
  for (const [index, owner] of owners.entries()) {
    const thief = new WireClient(`${built.url}/mcp`, undefined, { ...keys[1 - index], 'mcp-session-id': String(owner.sessionId()) })
    for (const reply of [await thief.request('ping'), await thief.notify('notifications/cancelled', { requestId: 1 }), await thief.respond(1, {}), await thief.listen(), await thief.listen('0-1'), await thief.listen('1-2'), await thief.delete(), await thief.initialize()]) {
      t.equal(reply.status, 404)
      t.match(await reply.json(), { jsonrpc: '2.0', error: { message: /Session not found/ } })
    }
    const posted = await fetch(`${built.url}/messages?session_id=${owner.sessionId()}`, { method: 'POST', headers: { 'content-type': 'application/json', ...keys[1 - index] }, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })
    t.equal(posted.status, 404)
  }
  t.same(reasonsOf(built), [])
  for (const owner of owners) t.match(await owner.call('echo', { text: 'mine' }), { content: [{ text: 'mine' }] })
})

test('curl opens a session, calls, listens and ends it', async t => {
  const built = await build(t, { apiKeys: ['a key'], createServer: () => serverV1() })
  const curl = async (...args: string[]) => (await promisify(execFile)('curl', ['-sS', '-i', '-H', 'X-API-Key: a key', ...args, `${built.url}/mcp`])).stdout
  const accept = ['-H', 'Accept: application/json, text/event-stream', '-H', 'Content-Type: application/json']
  const opening = await curl(...accept, '-d', '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}')
  const session = ['-H', `Mcp-Session-Id: ${/mcp-session-id: (\S+)/i.exec(opening)?.[1]}`]
  t.match(await curl(...accept, ...session, '-d', '{"jsonrpc":"2.0","method":"notifications/initialized"}'), /^HTTP\/1.1 202 Accepted[^]*\r\n\r\n$/)
  t.match(await curl(...accept, ...session, '-d', '{"jsonrpc":"2.0","id":2,"method":"ping"}'), /^HTTP\/1.1 200 OK[^]*\r\n\r\n\{"result":\{\},"jsonrpc":"2.0","id":2\}$/)
  t.match(await curl(...accept, ...session, '-d', '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"say","arguments":{"pieces":1}}}'), /text\/event-stream[^]*event: message\nid: 1-\d\ndata: \{"method":"notifications\/message"[^]*"id":3\}\n\n$/)
  const stream = execFile('curl', ['-sSN', '-H', 'X-API-Key: a key', ...session, '-H', 'Accept: text/event-stream', `${built.url}/mcp`])
  t.teardown(() => { stream.kill() })
  let seen = ''
  stream.stdout?.on('data', (text: string) => { seen += text })
  await curl(...accept, ...session, '-d', '{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"flood","arguments":{"pieces":1,"bytes":3}}}')
  await until(() => seen.includes('"data":"xxx"'))
  t.match(await curl(...session, '-X', 'DELETE'), /^HTTP\/1.1 204 No Content/)
  await gone(built)
})

/** Stands between a client and its server, and cuts their connections when it is told to. */
async function tcpProxy (t: Test, port: number): Promise<{ url: string, cut: () => void }> {
  const sockets = new Set<net.Socket>()
  const proxy = net.createServer(near => {
    const far = net.connect(port, '127.0.0.1')
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => { sockets.delete(socket); other.destroy() })
      socket.pipe(other)
    }
  })
  const cut = () => { for (const socket of sockets) socket.destroy() }
  t.teardown(() => { proxy.close(); cut() })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return { url: `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`, cut }
}
