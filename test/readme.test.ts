// What the README and the docs say is run, or compared with the code that it speaks of.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { test } from 'tap'
import { EnvironmentSchema } from '../src/config.js'
import { build, RawClient, until } from './helper.js'
import { serve } from './process.js'

const root = path.resolve(import.meta.dirname, '..')
const read = (name: string) => readFileSync(path.join(root, name), 'utf8')
const readme = read('README.md')
const pages = ['README.md', 'CHANGELOG.md', 'docs/embedding.md', 'docs/operations.md', 'docs/sessions.md', 'docs/security.md', 'docs/aareguru.md', 'docs/performance.md']

function blocks (page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, code = '']) => code)
}

/** The rows of the table under a heading, each as its cells. */
function rows (page: string, heading: string): string[][] {
  const section = read(page).split(`${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return section.split('\n').filter(line => line.startsWith('| `')).map(line => line.split(' | ').map(cell => cell.replace(/^\| | \|$/g, '')))
}

test('the embedding example serves a client, under its prefix and with its key', async t => {
  const [code = ''] = blocks('README.md', 'js')
  const weir = pathToFileURL(path.join(root, 'src/index.ts')).href
  const folder = t.testdir({ 'app.mjs': code.replace("'mcp-weir'", `'${weir}'`).replace('port: 3000', 'port: 0').replace('console.error(app.mcp.sessions.size)', 'process.send(app.server.address().port)') })
  const child = spawn(process.execPath, [...process.execArgv, path.join(folder, 'app.mjs')], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(() => child.kill())
  const [port] = await once(child, 'message') as [number]
  const client = new Client({ name: 'reader', version: '1' })
  await client.connect(new SSEClientTransport(new URL(`http://127.0.0.1:${port}/ai/sse`), { requestInit: { headers: { 'x-api-key': 'a long random key' } } }))
  t.match(await client.callTool({ name: 'whoami' }), { content: [{ text: /^key-/ }] })
  await client.close()
})

test('the settings table has every variable of the environment, with its default', async t => {
  const told = new Map(rows('README.md', '## Settings').map(([name = '', value = '']) => [name.replaceAll('`', ''), value.replaceAll('`', '')]))
  const schema = EnvironmentSchema.properties as Record<string, { default?: unknown }>
  t.same([...told.keys()], Object.keys(schema))
  for (const [name, { default: value }] of Object.entries(schema)) {
    if (value !== undefined && value !== '') t.equal(told.get(name), `${value as string | number | boolean}`, name)
  }
})

test('the routes table has every route, and each is there', async t => {
  const { url } = await build(t)
  const routes = rows('README.md', '## Routes').map(([route = '']) => route.replaceAll('`', '').split(' '))
  t.same(routes.map(route => route.join(' ')), ['GET /health', 'GET /health/live', 'GET /health/ready', 'GET /metrics', 'GET /sse', 'POST /messages', 'POST /mcp', 'GET /mcp', 'DELETE /mcp'])
  for (const [method = '', route = ''] of routes) {
    const client = await RawClient.open(url, { accept: '*/*' }, route)
    t.ok([200, 400].includes(client.response.statusCode ?? 0) || method === 'POST', route)
    client.close()
    const { status, headers } = await fetch(url + route, { method: 'PUT' })
    t.equal(status, 405, route)
    t.match(headers.get('allow'), method)
  }
})

test('the curl lines answer as they say', async t => {
  const server = await serve(t)
  const health = /curl (http:\S+)\s+# (\{.*),…/.exec(readme)
  t.equal(health?.[1], 'http://127.0.0.1:8000/health')
  t.match(await (await fetch(`${server.url()}/health`)).text(), new RegExp(`^${health?.[2]?.replaceAll(/[{}]/g, '\\$&')}`))
  const [, accept = '', initialize = ''] = /curl -i http:\S+\/mcp -H '([^']*)' --json '([^']*)'/.exec(readme) ?? []
  const { stdout } = await promisify(execFile)('curl', ['-sSi', `${server.url()}/mcp`, '-H', accept, '--json', initialize])
  t.match(stdout, /^HTTP\/1.1 200 OK[^]*mcp-session-id: [0-9a-f-]{36}\r\n[^]*"protocolVersion":"2025-11-25"/)
  const client = await RawClient.session(server.url())
  t.match(client.endpoint, /^\/messages/)
  client.close()
})

test('the demo runs, talks to a simulated river, and Ctrl+C ends it', async t => {
  const child = spawn(process.execPath, [...process.execArgv, 'examples/demo.ts'], { cwd: root, env: { ...process.env, HTTP_PORT: '0' } })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  await until(() => said.includes('Ctrl+C ends it') || child.exitCode !== null)
  t.match(said, /Connected to aareguru-mcp/)
  t.match(said, /SIMULATED/)
  t.match(said, /Unknown city "Atlantis"/)
  child.kill('SIGINT')
  t.same(await once(child, 'close'), [0, null])
})

test('every npm script that a page names is there', async t => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const page of pages) {
    for (const [, name = ''] of read(page).matchAll(/npm run ([\w:]+)/g)) t.ok(name in scripts, `${page}: npm run ${name}`)
  }
})

test('every link between the pages leads somewhere', async t => {
  for (const page of pages) {
    for (const [, link = ''] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) t.ok(existsSync(path.join(root, path.dirname(page), link)), `${page}: ${link}`)
  }
})

test('every JSON block is JSON', async t => {
  for (const page of pages) for (const block of blocks(page, 'json')) t.ok(JSON.parse(block), page)
})

test('the operations page names every metric, close reason and log line', async t => {
  const page = read('docs/operations.md')
  const { app, lines, url } = await build(t)
  const client = await RawClient.session(url)
  client.close()
  await until(() => app.mcp.sessions.size === 0)
  for (const { name } of await app.mcp.metrics.registry.getMetricsAsJSON()) t.ok(page.includes(`\`${name}`), name)
  const closed = await app.mcp.metrics.registry.getSingleMetric('mcp_sessions_closed_total')?.get()
  for (const { labels } of closed?.values ?? []) t.ok(page.includes(`\`${labels['reason']}\``), String(labels['reason']))
  for (const line of ['session cleanup started', 'session opened', 'session closed']) {
    t.ok(lines.some(({ msg }) => msg === line), line)
    t.ok(page.includes(`\`${line}\``), line)
  }
})
