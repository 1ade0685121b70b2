// The examples for embedders run, each as a process of its own, with a real client.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { test, type Test } from 'tap'
import { connect } from './embedding/sdk-clients.js'
import { until } from './helper.js'

const root = path.resolve(import.meta.dirname, '..')
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Runs an example on a port of its own; `stop` is Ctrl+C, and says how it ended. */
async function start (t: Test, name: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [...process.execArgv, `examples/${name}.ts`], { cwd: root, env: { ...process.env, ...env, PORT: '0' } })
  t.teardown(() => { child.kill('SIGKILL') })
  let out = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { errors += text })
  const address = () => /^listening at (http:\S+)$/m.exec(out)?.[1]
  await until(() => address() !== undefined || child.exitCode !== null)
  const url = address()
  if (url === undefined) throw new Error(`It did not start: ${errors}`)
  return {
    url: url.replace('[::1]', 'localhost'),
    output: () => out,
    stop: async () => {
      child.kill('SIGINT')
      return await once(child, 'close') as [number | null, string | null]
    }
  }
}

test('embed: the application\'s own users reach its tools, and its own routes are as before', async t => {
  const { url, stop } = await start(t, 'embed')
  const client = await connect(t, `${url}/ai/mcp`, bearer('token-of-ada'))
  t.match(await client.callTool({ name: 'add_todo', arguments: { title: 'Dry off' } }), { content: [{ text: 'Added: Dry off' }] })
  const old = await connect(t, `${url}/ai/sse`, bearer('token-of-eve'))
  await old.callTool({ name: 'add_todo', arguments: { title: 'Listen' } })

  const todos = await fetch(`${url}/todos`, { headers: { ...bearer('token-of-ada'), origin: 'https://app.example.com' } })
  t.equal(todos.headers.get('access-control-allow-origin'), 'https://app.example.com')
  t.same(((await todos.json()) as { title: string }[]).map(({ title }) => title), ['Swim in the Aare', 'Dry off'])
  t.same(await (await fetch(`${url}/todos`)).json(), { message: 'Who are you?' })
  await t.rejects(connect(t, `${url}/ai/mcp`), /401|API key/)
  await client.close()
  await old.close()
  t.same(await stop(), [0, null])
})

test('per-user-server: tools, data and instructions follow from who asks, and signing out ends the sessions', async t => {
  const { url, output, stop } = await start(t, 'per-user-server', { LOG_LEVEL: 'info' })
  const [ada, eve] = [await connect(t, `${url}/mcp`, { ...bearer('token-of-ada'), 'accept-language': 'de-CH' }), await connect(t, `${url}/mcp`, bearer('token-of-eve'))]
  t.equal(ada.getServerVersion()?.name, 'notes of ada')
  t.equal(eve.getInstructions(), 'You work for team thun')
  const tools = async (client: typeof ada) => (await client.listTools()).tools.map(({ name }) => name)
  t.same(await tools(ada), ['list_notes', 'whoami', 'add_note'])
  t.same(await tools(eve), ['list_notes', 'whoami'])
  await ada.callTool({ name: 'add_note', arguments: { note: 'And shoes' } })
  t.match(await ada.callTool({ name: 'list_notes' }), { content: [{ text: 'Bring a towel\nAnd shoes' }] })
  t.match(await eve.callTool({ name: 'list_notes' }), { content: [{ text: 'The lake is cold' }] })
  t.match(await eve.callTool({ name: 'whoami' }), { content: [{ text: 'eve: notes:read' }] })
  t.match(output(), /"client":"embedded","language":"de-CH","msg":"a server is built"/)

  t.same(await (await fetch(`${url}/sign-out/ada`, { method: 'POST' })).json(), { ended: 1 })
  await until(() => output().includes('"msg":"a server is let go"'))
  await t.rejects(ada.listTools(), /Session not found|404/)
  t.ok(await tools(eve))
  await t.rejects(connect(t, `${url}/mcp`, bearer('nonsense')), /This token is unknown/)
  await eve.close()
  t.same(await stop(), [0, null])
})

test('v2-server: a client of either SDK is served', async t => {
  const { url, stop } = await start(t, 'v2-server')
  const headers = { 'x-api-key': 'a long random key' }
  const result = { structuredContent: { sum: Number, by: /^key-/ } }
  const client = await connect(t, `${url}/mcp`, headers)
  t.match(await client.callTool({ name: 'roll', arguments: { dice: 3 } }), result)
  const second = new ClientV2({ name: 'v2', version: '1' })
  await second.connect(new TransportV2(new URL(`${url}/mcp`), { requestInit: { headers } }))
  t.match(await second.callTool({ name: 'roll', arguments: { dice: 3 } }), result)
  t.match(await (await fetch(`${url}/health`)).json(), { service: 'dice', version: '2.0.0' })
  await second.close()
  await client.close()
  t.same(await stop(), [0, null])
})
