// Each snippet of docs/command.md is run, and what it says of names and numbers compared with the code.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { test, type Test } from 'tap'
import { parseCommandLine } from '../src/command-line.js'
import { help } from '../src/help.js'
import { inheritedVariables } from '../src/servers/child-environment.js'
import { readMcpJson } from '../src/servers/mcp-json.js'
import { servingOf } from '../src/servers/serving.js'
import { serve } from './process.js'

const page = readFileSync(new URL('../docs/command.md', import.meta.url), 'utf8')
const blocks = (language: string) => [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, code = '']) => code)
const commands = blocks('sh').flatMap(block => block.trim().split('\n')).map(line => line.split(' '))
const [myServer = ''] = blocks('js')
const [mcpJson = ''] = blocks('json')

async function whoami (t: Test, url: string) {
  const client = new Client({ name: 'reader', version: '1' })
  t.teardown(() => client.close())
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  return await client.callTool({ name: 'whoami' })
}

test('every command line is one that the command understands', async t => {
  t.equal(commands.length, 5)
  const folder = t.testdir({ 'mcp.json': mcpJson })
  for (const [command, ...args] of commands) {
    t.equal(command, 'mcp-weir')
    const line = parseCommandLine(args.map(arg => arg === 'mcp.json' ? path.join(folder, arg) : arg))
    if (line.action !== 'serve') return t.fail(args.join(' '))
    t.ok(servingOf(line.requested, { HOME: '/home/me', TICKETS_TOKEN: 'x' }), args.join(' '))
  }
})

test('the module is served as the page says', async t => {
  const cwd = t.testdir({ 'my-server.js': myServer })
  const { url } = await serve(t, { args: commands.find(words => words.includes('./my-server.js'))?.slice(1) ?? [], cwd })
  t.match(await (await fetch(`${url()}/health`)).json(), { service: 'my-server', version: '1.0.0' })
  t.match(await whoami(t, url()), { content: [{ text: 'anonymous' }] })
})

test('the mcp.json is read as the page says, and its module served with its paths', async t => {
  const cwd = t.testdir({ 'mcp.json': mcpJson, 'module.json': JSON.stringify({ mcpServers: { mine: (JSON.parse(mcpJson) as { mcpServers: { mine: object } }).mcpServers.mine } }), 'my-server.js': myServer })
  t.match(readMcpJson(path.join(cwd, 'mcp.json'), { TICKETS_TOKEN: 'x' }), {
    warnings: [],
    servers: [{ name: 'files' }, { name: 'tickets', source: { command: { env: { TOKEN: 'x' }, cwd: path.join(cwd, 'tickets') } } }, { name: 'mine', source: { kind: 'module' } }]
  })
  t.throws(() => readMcpJson(path.join(cwd, 'mcp.json'), {}), { code: 'WEIR_ERR_INVALID_CONFIG', detail: /TICKETS_TOKEN is not set/ })
  const { url } = await serve(t, { args: ['--config', 'module.json'], cwd })
  t.match(await whoami(t, `${url()}/mine`), { content: [{ text: 'anonymous' }] })
  for (const [, cell = ''] of page.matchAll(/^\| (`\/.*?) \|/gm)) {
    for (const [, route = ''] of cell.matchAll(/`(\/\S*?)`/g)) {
      const { status } = await fetch(url() + route.replace('NAME', 'mine'), { method: 'PUT' })
      t.equal(status, 405, `${route} is there`)
    }
  }
})

test('it names every flag, every inherited variable and every reserved name', async t => {
  for (const [, flag = ''] of help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)) t.ok(page.includes(`\`${flag}`), flag)
  if (process.platform !== 'win32') for (const name of inheritedVariables) t.ok(page.includes(`\`${name}\``), name)
  const [, names = ''] = /first a letter or digit\. ([^]*?) are taken/.exec(page) ?? []
  for (const [, name = ''] of names.matchAll(/`(.*?)`/g)) {
    const cwd = t.testdir({ 'mcp.json': JSON.stringify({ mcpServers: { [name]: { command: 'x' } } }) })
    t.throws(() => readMcpJson(path.join(cwd, 'mcp.json'), {}), { code: 'WEIR_ERR_INVALID_CONFIG', detail: /is a path of Weir's own/ }, name)
  }
})
