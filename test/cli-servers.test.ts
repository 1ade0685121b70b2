// The command with servers of the user's own, each in a real process.
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { test, type Test } from 'tap'
import { until } from './helper.js'
import { lives, pids, silent, started } from './pids.js'
import { run, serve } from './process.js'

const sdk = (file: string) => JSON.stringify(pathToFileURL(path.resolve(import.meta.dirname, '../node_modules/@modelcontextprotocol/sdk/dist/esm', file)).href)

/** A module; run by itself it is a stdio server. It tells its environment, and writes its process id to `pids`. */
const server = `
import { appendFileSync } from 'node:fs'
import { McpServer } from ${sdk('server/mcp.js')}
import { StdioServerTransport } from ${sdk('server/stdio.js')}
const createServer = () => {
  const server = new McpServer({ name: 'mine', version: '4.5.6' })
  server.registerTool('env', {}, () => ({ content: [{ type: 'text', text: JSON.stringify(process.env) }] }))
  return server
}
export default createServer
if (process.argv[2] === 'stdio') {
  appendFileSync('pids', process.pid + '\\n')
  await createServer().connect(new StdioServerTransport())
}
`

async function connect (t: Test, url: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  t.teardown(() => client.close())
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  return client
}

async function environmentOf (client: Client): Promise<Record<string, string>> {
  const { content } = CallToolResultSchema.parse(await client.callTool({ name: 'env' }))
  const [said] = content
  return JSON.parse(said?.type === 'text' ? said.text : '') as Record<string, string>
}

test('a module is served: health has its name, the first line says what it is, and it ends cleanly', async t => {
  const cwd = t.testdir({ 'server.mjs': server })
  const command = await serve(t, { args: ['./server.mjs'], cwd })
  t.match(command.lines()[0], { msg: 'server starting', serving: './server.mjs' })
  t.match(await (await fetch(`${command.url()}/health`)).json(), { service: 'mine', version: '4.5.6' })
  const client = await connect(t, command.url())
  t.match(await client.listTools(), { tools: [{ name: 'env' }] })
  await client.close()
  command.child.kill('SIGTERM')
  t.equal(await command.exited, 0)
  t.equal(command.stdout(), '')
})

test('a command after -- is served, with the environment that it was given and no key', async t => {
  const cwd = t.testdir({ 'server.mjs': server, '.env': 'FROM_FILE=file\n' })
  const args = ['--env', 'TOKEN=s3cret', '--pass-env', 'PASSED', '--pass-env', 'FROM_FILE', '--', 'node', 'server.mjs', 'stdio', '--api-key', 's3cret']
  const command = await serve(t, { args, env: { PASSED: 'on', KEPT: 'back' }, cwd })
  t.match(command.lines()[0], { serving: 'node server.mjs stdio --api-key ***' })
  t.match(await (await fetch(`${command.url()}/health`)).json(), { service: 'mine', version: '4.5.6' })
  const client = await connect(t, command.url())
  const environment = await environmentOf(client)
  t.match(environment, { TOKEN: 's3cret', PASSED: 'on', FROM_FILE: 'file', PATH: String })
  t.notOk('KEPT' in environment || 'HTTP_PORT' in environment)
  t.match(await (await fetch(`${command.url()}/metrics`, { headers: { accept: 'text/plain' } })).text(), /^mcp_child_processes 1$/m)
  const [described, child] = pids(cwd)
  t.notOk(lives(described ?? 0), 'the child of the start is gone')
  t.ok(lives(child ?? 0))
  command.child.kill('SIGTERM')
  t.equal(await command.exited, 0)
  await until(() => !lives(child ?? 0))
  t.notMatch(command.stderr(), /s3cret/)
})

test('a file of three, each under its name, with one summary at the end', async t => {
  const cwd = t.testdir({
    'server.mjs': server,
    'mcp.json': JSON.stringify({ mcpServers: { one: { command: 'node', args: ['server.mjs', 'stdio'], env: { A: '1' } }, two: { module: './server.mjs' }, off: { url: 'https://x' } } })
  })
  const command = await serve(t, { args: ['--config', 'mcp.json'], cwd })
  t.match(command.lines()[0], { level: 40, msg: /"off" is left out/ })
  t.match(command.lines().find(({ msg }) => msg === 'server starting'), { serving: { one: 'node server.mjs stdio', two: './server.mjs' } })
  t.match(await environmentOf(await connect(t, `${command.url()}/one`)), { A: '1' })
  t.match(await environmentOf(await connect(t, `${command.url()}/two`)), { HTTP_PORT: '0' })
  t.match(await (await fetch(command.url())).json(), { servers: [{ name: 'one', service: 'mine' }, { name: 'two', version: '4.5.6' }] })
  command.child.kill('SIGTERM')
  t.equal(await command.exited, 0)
  t.match(command.lines().at(-1), { msg: 'shut down', active_sessions: 0, total_messages: 6, servers: { one: { total_messages: 3 } } })
  t.equal(command.lines().filter(({ msg }) => msg === 'shut down').length, 1)
  await until(() => !pids(cwd).some(lives))
})

test('Ctrl+C while it starts ends it, and the child that has not answered', async t => {
  const cwd = t.testdir({ 'silent.mjs': silent })
  const command = run(t, { args: ['--', 'node', 'silent.mjs'], cwd })
  await until(() => started(cwd))
  command.child.kill('SIGINT')
  t.equal(await command.exited, 0)
  t.match(command.lines().at(-1), { msg: 'shut down' })
  t.notMatch(command.stderr(), /^mcp-weir:/m)
  await until(() => !pids(cwd).some(lives))
})

test('a second Ctrl+C waits for nobody: the child is killed', async t => {
  const cwd = t.testdir({ 'silent.mjs': silent })
  const command = run(t, { args: ['--', 'node', 'silent.mjs'], cwd })
  await until(() => started(cwd))
  command.child.kill('SIGINT')
  await until(() => command.lines().some(({ msg }) => msg === 'shutting down'))
  command.child.kill('SIGINT')
  t.equal(await command.exited, 1)
  await until(() => !pids(cwd).some(lives))
})

test('--print-config says what would be served and every setting, no secret, and starts nothing', async t => {
  const cwd = t.testdir({ '.env': 'API_KEYS=first secret key,second secret key\n', 'mcp.json': JSON.stringify({ mcpServers: { a: { command: 'x', args: ['--token', 's3cret'], env: { MODE: 's3cret' } }, b: { module: './b.js' } } }) })
  const printed = async (args: string[]) => {
    const command = run(t, { args: [...args, '--print-config'], cwd })
    t.equal(await command.exited, 0)
    t.equal(command.stderr(), '')
    t.notMatch(command.stdout(), /secret key|s3cret/)
    return JSON.parse(command.stdout()) as { servers: object[], settings: Record<string, unknown> }
  }
  const single = await printed(['--port', '9000'])
  t.match(single, { servers: [{ mcp: '/mcp', sse: '/sse', bundled: 'aareguru-mcp' }], settings: { HTTP_PORT: 9000, API_KEYS: '***,***', API_KEY_REQUIRED: true, ALLOWED_HOSTS: 'localhost,127.0.0.1,[::1]', MAX_CHILD_PROCESSES: 100 } })
  t.match((await printed(['--config', 'mcp.json'])).servers, [{ name: 'a', mcp: '/a/mcp', sse: '/a/sse', command: 'x', args: ['--token', '***'], cwd: String, env: { MODE: '***' } }, { name: 'b', module: path.join(cwd, 'b.js') }])
})
