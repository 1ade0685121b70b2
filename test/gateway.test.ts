import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import type { GatewaySnapshot } from '../src/combined-metrics.js'
import { loadConfig } from '../src/config.js'
import { buildServer } from '../src/server.js'
import { capturedLog, fixtureServer } from './helper.js'

interface Gateway { app: FastifyInstance, url: string }

/** Two servers in one process, the second with a name to be wary of. */
async function gateway (t: Test, env: Record<string, string> = {}, children = { size: 0 }): Promise<Gateway> {
  const servers = [
    { name: 'files', spawns: true, createServer: () => fixtureServer(), serverInfo: { name: 'fixture', version: '1.2.3' } },
    { name: 'odd.one', spawns: false, createServer: () => fixtureServer(), serverInfo: { name: '<script>"\'&', version: '0' } }
  ]
  const app = await buildServer(loadConfig({ env: { DRAIN_TIMEOUT_SECONDS: '1', ...env }, file: false }), { servers, log: capturedLog().log, children })
  t.teardown(async () => {
    const closed = app.close()
    app.server.closeAllConnections()
    await closed
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, url: app.listeningOrigin }
}

async function connect (t: Test, url: string, transport: 'mcp' | 'sse' = 'mcp'): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  t.teardown(() => client.close())
  await client.connect(transport === 'mcp' ? new StreamableHTTPClientTransport(new URL(`${url}/mcp`)) : new SSEClientTransport(new URL(`${url}/sse`)))
  return client
}

const json = async (url: string, headers: Record<string, string> = {}) => await (await fetch(url, { headers })).json() as Record<string, unknown>

test('each server is served under its name, on both transports', async t => {
  const { app, url } = await gateway(t)
  for (const transport of ['mcp', 'sse'] as const) {
    const client = await connect(t, `${url}/files`, transport)
    t.match(await client.callTool({ name: 'echo', arguments: { text: transport } }), { content: [{ text: transport }] })
  }
  t.equal(app.mcpEndpoints.get('files')?.sessions.size, 2)
  t.equal(app.mcpEndpoints.get('odd.one')?.sessions.size, 0, 'and counted for itself')
  t.match(await json(`${url}/files/health`), { service: 'fixture', version: '1.2.3' })
})

test('the index lists them: JSON for programs, a page for people', async t => {
  const { app, url } = await gateway(t)
  const answer = await fetch(url)
  t.match(answer.headers.get('content-type'), 'application/json')
  t.equal(answer.headers.get('vary'), 'Accept')
  t.match(await answer.json(), {
    service: 'mcp-weir',
    servers: [{ name: 'files', service: 'fixture', version: '1.2.3', mcp: '/files/mcp', sse: '/files/sse' }, { name: 'odd.one', mcp: '/odd.one/mcp' }]
  })
  const page = await fetch(url, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
  t.match(page.headers.get('content-type'), 'text/html')
  t.match(page.headers.get('content-security-policy'), "default-src 'none'")
  const html = await page.text()
  t.match(html, '/files/mcp')
  t.match(html, '&lt;script&gt;&quot;&#39;&amp;')
  t.notMatch(html, /<script|src=|href=/, 'nothing is run or loaded')
  t.match((await fetch(url, { headers: { accept: '*/*' } })).headers.get('content-type'), 'application/json')
  t.match((await app.inject({ url: '/', headers: { host: 'localhost' } })).headers, { 'content-type': /^application\/json/ })
  t.equal((await fetch(url, { method: 'HEAD' })).status, 200)
})

test('wrong methods are 405, unknown paths 404, at the root and under a name', async t => {
  const { url } = await gateway(t)
  const refused = await fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  t.equal(refused.status, 405)
  t.equal(refused.headers.get('allow'), 'GET, HEAD')
  for (const path of ['/health', '/metrics', '/files/mcp', '/files/sse']) t.equal((await fetch(url + path, { method: 'PUT' })).status, 405, path)
  for (const path of ['/mcp', '/sse', '/messages', '/other/mcp', '/files', '/files/other']) {
    const answer = await fetch(url + path)
    t.equal(answer.status, 404, path)
    t.match(await answer.json(), { error: 'Not found', requestId: String })
  }
})

test('health is of the process: ready while each server would take a session', async t => {
  const children = { size: 0 }
  const { app, url } = await gateway(t, { MAX_SESSIONS: '1' }, children)
  t.match(await json(`${url}/health`), { status: 'healthy', service: 'mcp-weir' })
  t.match(await json(`${url}/health/live`), { status: 'alive' })
  const ready = async () => (await fetch(`${url}/health/ready`)).status
  t.equal(await ready(), 200)
  children.size = 100
  t.equal(await ready(), 503, 'no process is left')
  children.size = 0
  const client = await connect(t, `${url}/odd.one`, 'sse')
  t.match(await json(`${url}/health/ready`), { status: 'unavailable', checks: { capacity: 'full' } }, 'one server is full')
  await client.close()
  await app.mcpEndpoints.get('odd.one')?.drain()
  t.match(await json(`${url}/health/ready`), { status: 'draining' })
})

test('sessions of a server with a process each are capped as processes are', async t => {
  const { app, url } = await gateway(t, { MAX_CHILD_PROCESSES: '1' })
  const open = async (url: string) => {
    const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }
    const { status } = await fetch(`${url}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: JSON.stringify(initialize) })
    t.equal(status, 200)
  }
  for (const name of ['files', 'files', 'odd.one', 'odd.one']) await open(`${url}/${name}`)
  t.equal(app.mcpEndpoints.get('files')?.sessions.size, 1, 'the first, which nobody used, gave way')
  t.equal(app.mcpEndpoints.get('odd.one')?.sessions.size, 2, 'a module needs no process')
  const asleep = await gateway(t, { MAX_CHILD_PROCESSES: '1', SESSION_HIBERNATE_SECONDS: '60' })
  for (const name of ['files', 'files']) await open(`${asleep.url}/${name}`)
  t.equal(asleep.app.mcpEndpoints.get('files')?.sessions.size, 2, 'unless they may sleep without one')
})

test('the numbers are summed, and each server has its own', async t => {
  const { url } = await gateway(t)
  const client = await connect(t, `${url}/files`)
  await client.listTools()
  await connect(t, `${url}/odd.one`)
  await fetch(`${url}/files/mcp`)
  await fetch(`${url}/health`)
  const { metrics, config } = await json(`${url}/metrics`) as unknown as { metrics: GatewaySnapshot, config: object }
  t.match(config, { session_timeout_seconds: 3_600, cleanup_interval_seconds: 300 })
  t.same(Object.keys(metrics), ['uptime_seconds', 'active_connections', 'total_connections', 'total_messages', 'total_errors', 'endpoint_calls', 'endpoint_errors', 'active_sessions', 'servers'])
  const { files, 'odd.one': odd } = metrics.servers
  t.equal(files?.total_messages, 3)
  t.equal(metrics.total_messages, 5)
  t.equal(metrics.active_sessions, 2)
  t.match(metrics.endpoint_calls, { health: 1, metrics: 1, sse: 0 })
  t.equal(metrics.endpoint_calls['mcp'], (files?.endpoint_calls['mcp'] ?? 0) + (odd?.endpoint_calls['mcp'] ?? 0))
  t.equal(metrics.endpoint_errors['mcp'], files?.endpoint_errors['mcp'])
  t.equal(metrics.total_errors, files?.total_errors)

  const text = await (await fetch(`${url}/metrics`, { headers: { accept: 'text/plain' } })).text()
  t.match(text, /^mcp_sessions_active\{server="files"\} 1$/m)
  t.match(text, /^mcp_sessions_active\{server="odd\.one"\} 1$/m)
  t.match(text, /^mcp_sessions_closed_total\{reason="idle",server="files"\} 0$/m)
  t.match(text, /^mcp_http_requests_total\{endpoint="health"\} 1$/m, 'what is of no server has no label')
  t.notMatch(text, /^mcp_sessions_active \d/m)
  t.match(text, /^process_cpu_seconds_total /m)
  t.match(text, /^mcp_child_processes 0$/m)
  t.equal(text.match(/^# TYPE mcp_sessions_active /gm)?.length, 1)
})

test('keys, hosts, origins and limits hold for the index and the numbers too', async t => {
  const { url } = await gateway(t, { API_KEYS: 'a long enough key for this', METRICS_REQUIRE_KEY: 'true', RATE_LIMIT_PER_MINUTE: '10' })
  const key = { 'x-api-key': 'a long enough key for this' }
  for (const path of ['/', '/metrics', '/files/sse']) t.equal((await fetch(url + path)).status, 401, path)
  t.equal((await fetch(url, { headers: key })).status, 200)
  t.equal((await fetch(url, { headers: { ...key, origin: 'https://evil.example' } })).status, 403)
  t.equal((await fetch(`${url}/metrics`, { headers: key })).status, 200)
  t.equal((await fetch(`${url}/health`)).status, 200)
  while ((await fetch(url, { headers: key })).status === 200);
  const limited = await fetch(url, { headers: key })
  t.equal(limited.status, 429)
  t.ok(limited.headers.has('retry-after'))
  t.equal((await fetch(`${url}/health`)).status, 200, 'health is exempt')
  t.match((await fetch(`${url}/metrics`, { headers: key })).status, 429)
})

test('one drain ends the sessions of all', async t => {
  const { app, url } = await gateway(t)
  const clients = await Promise.all(['files', 'odd.one'].map(name => connect(t, `${url}/${name}`, 'sse')))
  const closed = clients.map(client => new Promise<void>(resolve => { client.onclose = resolve; client.onerror = () => { void client.close() } }))
  await Promise.all([...app.mcpEndpoints.values()].map(endpoint => endpoint.drain()))
  await Promise.all(closed)
  t.match(app.mcpGateway.snapshot(), { active_sessions: 0, servers: { files: { active_sessions: 0 } } })
})
