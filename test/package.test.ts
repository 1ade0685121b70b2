import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'tap'
import ts from 'typescript'
import { install, node, root } from './package/install.js'

const use = `
  const app = Fastify()
  await app.register(weir, { prefix: '/ai', serverInfo: { name: 'mine', version: '1' } })
  const client = await createTestClient(app, { prefix: '/ai' })
  const { tools } = await client.listTools()
  console.log(tools.length > 0, app.mcp.sessions.size, (await app.inject('/ai/health')).json().service)
  await client.close()
  await app.close()
`

const consumer = `
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import Fastify from 'fastify'
import weir, { type Authenticate, type CreateServer, type WeirEndpoint, type WeirOptions } from 'mcp-weir'
import { createTestClient } from 'mcp-weir/testing'

// A host has decorators of its own, by whatever name.
declare module 'fastify' {
  interface FastifyInstance {
    authenticate: (role: string) => boolean
    sessions: number
    metrics: string
  }
}

const createServer: CreateServer = ({ principal }) => new McpServer({ name: principal.id, version: '1' })
const authenticate: Authenticate = ({ headers }) => ({ id: String(headers['x-user']) })
const options: WeirOptions = { prefix: '/ai', createServer, authenticate }
const app = Fastify({ logger: true })
await app.register(weir, options)
const endpoint: WeirEndpoint | undefined = app.mcpEndpoints.get('mcp')
const client = await createTestClient(app, { prefix: '/ai', headers: { 'x-user': 'ada' } })
const { tools } = await client.listTools()
export const seen: [number, string[]] = [(endpoint ?? app.mcp).sessions.size, tools.map(({ name }) => name)]
// @ts-expect-error It is a number.
await app.register(weir, { maxSessions: 'many' })
`

const consumerCts = `
import Fastify from 'fastify'
import weir from 'mcp-weir'
import { createTestClient } from 'mcp-weir/testing'
export async function start () {
  const app = Fastify()
  await app.register(weir, { prefix: '/ai' })
  return await createTestClient(app, { prefix: '/ai' })
}
`

const projectFiles = {
  'package.json': '{ "name": "consumer", "private": true, "type": "module" }',
  'use.js': `import Fastify from 'fastify'\nimport weir from 'mcp-weir'\nimport { createTestClient } from 'mcp-weir/testing'\n${use}`,
  'use.cjs': `const Fastify = require('fastify')\nconst { default: weir } = require('mcp-weir')\nconst { createTestClient } = require('mcp-weir/testing')\nvoid (async () => {${use}})()`,
  'plain.cjs': "void (async () => { const app = require('fastify')(); await app.register(require('mcp-weir')); console.log((await app.inject('/health')).json().service); await app.close() })()",
  'consumer.ts': consumer,
  'consumer.cts': consumerCts
}

test('the package, as it would be published', async t => {
  const installed = await install(t, projectFiles)
  const { files, project, tarball } = installed
  // What takes longest begins first.
  const checked = node(project, path.join(root, 'test/package/check-types.js'), project).catch(String)
  const read = async (file: string) => await readFile(path.join(installed.package, file), 'utf8')

  await t.test('holds what runs, its declarations and its documents, and nothing of how it is made', async t => {
    t.same(files.filter(file => !/^(dist\/[\w/-]+(\.d\.ts|\.js)|docs\/[\w-]+\.md|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(file)), [])
    for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/testing.js', 'dist/testing.d.ts', 'dist/cli.js', 'README.md', 'LICENSE', 'CHANGELOG.md']) t.ok(files.includes(file), file)
    t.match(await read('dist/cli.js'), /^#!\/usr\/bin\/env node\n/)
  })

  await t.test('asks for nothing that it does not depend on, in its code and in its declarations', async t => {
    const { dependencies } = JSON.parse(await read('package.json')) as { dependencies: Record<string, string> }
    const there = new Set(Object.keys(dependencies))
    for (const file of files.filter(name => name.startsWith('dist/'))) {
      const names = ts.preProcessFile(await read(file), true, true).importedFiles.map(({ fileName }) => fileName).filter(name => !name.startsWith('.'))
      t.same(names.filter(name => !there.has(name.replace(/^((@[^/]+\/)?[^/]+).*$/, '$1')) && !name.startsWith('node:')), [], file)
    }
  })

  await t.test('works from an ES module, and from CommonJS by require', async t => {
    t.equal(await node(project, 'use.js'), 'true 1 mine\n')
    t.equal(await node(project, 'use.cjs'), 'true 1 mine\n')
    t.equal(await node(project, 'plain.cjs'), 'aareguru-mcp\n', 'as Fastify takes a module with a default export')
  })

  await t.test('has types for every module resolution, and adds nothing else to the host\'s', async t => {
    t.match(await checked, /^Node16: \d+ files, 0 errors\nNodeNext: \d+ files, 0 errors\nBundler: \d+ files, 0 errors\n$/)
  })

  await t.test('attw and publint find nothing', async t => {
    // A module that CommonJS can require: node10 and node16's CommonJS mode know of no such thing.
    t.match(await node(project, path.join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only', '--no-color'), /"mcp-weir\/testing"/)
    t.match(await node(project, path.join(root, 'node_modules/publint/src/cli.js'), 'run', installed.package, '--strict', '--pack', 'false'), /All good!/)
  })
})
