import { writeFileSync } from 'node:fs'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { test } from 'tap'
import { GroupGuard } from '../../src/servers/group-guard.js'
import { StdioServer } from '../../src/servers/stdio-server.js'
import { capturedLog, RawClient, textOf, until } from '../helper.js'
import { reasonsOf } from '../streamable-client.js'
import { CHILD, stdio } from './stdio-endpoint.js'

/** Reads one line, answers it, and closes its input. */
const DEAF_AFTER_INITIALIZE = `
const line = Buffer.alloc(65536)
const { id, params } = JSON.parse(line.toString('utf8', 0, fs.readSync(0, line)))
fs.closeSync(0)
const result = { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: 'deaf', version: '1' } }
console.log(JSON.stringify({ jsonrpc: '2.0', id, result }))
setInterval(() => {}, 1000)`

test('one child per session, from its first message to its end', async t => {
  const { open, children, built } = await stdio(t)
  const [first, second] = [await open(), await open()]
  t.equal(await first.callForText('echo', { text: 'hällo \u2028' }), 'hällo \u2028')
  t.not(await first.callForText('pid'), await second.callForText('pid'))
  t.equal(children.size, 2)
  await first.delete()
  await until(() => children.size === 1)
  t.equal(await second.callForText('echo', { text: 'still here' }), 'still here')
  t.same(reasonsOf(built), ['client'])
})

test('the child has the environment and the folder that it was given, and nothing of ours', async t => {
  const cwd = t.testdir({})
  const { open } = await stdio(t, { command: { env: { GIVEN: 'yes' }, cwd } })
  const client = await open()
  // tap sees to it that it hears of every process.
  const env = Object.entries(JSON.parse(await client.callForText('env') ?? '') as object).filter(([name]) => !/^_TAPJS|^NODE_OPTIONS$/.test(name))
  t.same(env, [['GIVEN', 'yes']])
  t.equal(await client.callForText('cwd'), cwd)
})

test('over HTTP+SSE as well: the child starts with the first message', async t => {
  const { url, children } = await stdio(t)
  const client = await RawClient.session(url)
  t.equal(children.size, 1, 'its place is taken')
  await client.initialize()
  t.equal(textOf(await client.callTool(1, 'echo', { text: 'hello' })), 'hello')
  const dying = client.callTool(2, 'exit', { code: 7 })
  t.equal((await dying).error?.message, 'The MCP server exited with code 7')
  await client.ended
  await until(() => children.size === 0)
})

test('a session without a message costs no child', async t => {
  const { url, children, lines } = await stdio(t)
  const client = await RawClient.session(url)
  client.close()
  await until(() => children.size === 0)
  t.notOk(lines.some(({ msg }) => msg === 'stdio server started'))
})

test('a command that can\'t be started: the client and the log are told why', async t => {
  const folder = t.testdir({})
  writeFileSync(`${folder}/plain`, 'text')
  const cases = [
    [{ command: 'no-such-command-of-ours' }, 'could not be started: command not found: no-such-command-of-ours'],
    [{ command: `${folder}/plain` }, `could not be started: not executable: ${folder}/plain`],
    [{ cwd: `${folder}/nowhere` }, `could not be started: no such folder: ${folder}/nowhere`],
    [{ command: 'no-such-command-of-ours', cwd: folder }, 'could not be started: command not found: no-such-command-of-ours'],
    [{ args: ['a\0b'] }, /could not be started: .*null bytes/]
  ] as const
  for (const [command, why] of cases) {
    const { client, children, reasons, built } = await stdio(t, { command: { ...command, args: 'args' in command ? [...command.args] : [] } })
    const answer = await (await client().initialize()).answer()
    t.match(answer, { id: 'init', error: { code: -32603, message: why } })
    t.match(reasons(), [why])
    await until(() => children.size === 0)
    t.equal(built.app.mcp.sessions.size, 0, 'no session')
  }
})

test('a child that ends takes its own session with it, and nobody else\'s: all that wait are told', async t => {
  for (const [tool, args, why] of [
    ['exit', { code: 3 }, 'exited with code 3'],
    ['exit', { code: 0 }, 'exited with code 0'],
    ['die', { signal: 'SIGKILL' }, 'was ended by SIGKILL']
  ] as const) {
    const { open, children, reasons, built } = await stdio(t)
    const [client, other] = [await open(), await open()]
    const waiting = client.callForText('hang')
    await until(() => built.app.mcp.sessions.list().some(({ requestsInFlight }) => requestsInFlight === 1))
    t.equal(await client.callForText(tool, args), `The MCP server ${why}`)
    t.equal(await waiting, `The MCP server ${why}`)
    t.equal((await client.request('ping')).status, 404)
    t.equal(await other.callForText('echo', { text: 'alive' }), 'alive')
    t.same(reasons(), [why])
    t.same(reasonsOf(built), ['server'])
    await until(() => children.size === 1)
  }
})

test('what is no JSON-RPC message ends the session', async t => {
  for (const line of ['Server running on stdio', '{"jsonrpc":"2.0"', '[]', 'null', '7', '{}', '{"jsonrpc":"2.0"}', '{"jsonrpc":"1.0","method":"x"}',
    '{"jsonrpc":"2.0","method":7}', '{"jsonrpc":"2.0","id":{},"method":"x"}', '{"jsonrpc":"2.0","method":"x","params":[]}', '{"jsonrpc":"2.0","id":1,"result":"text"}',
    '{"jsonrpc":"2.0","id":1,"error":"text"}', '{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}', '{"jsonrpc":"2.0","id":1,"error":{"code":1}}', '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":2}}']) {
    const { open, reasons } = await stdio(t)
    const client = await open()
    const why = `wrote something to its output that is no JSON-RPC message: ${JSON.stringify(line)}`
    t.equal(await client.callForText('rubbish', { line }), `The MCP server ${why}`, line)
    t.same(reasons(), [why])
  }
})

test('only the beginning of a long piece of rubbish is told', async t => {
  const { open } = await stdio(t)
  t.equal(await (await open()).callForText('rubbish', { line: 'x'.repeat(500) }), `The MCP server wrote something to its output that is no JSON-RPC message: "${'x'.repeat(100)}…"`)
})

test('blank lines are nothing, and an answer to nothing is only logged', async t => {
  const { open, lines } = await stdio(t)
  const client = await open()
  for (const line of ['', ' \r', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}']) void client.call('rubbish', { line }).catch(() => {})
  t.equal(await client.callForText('echo', { text: 'alive' }), 'alive')
  await until(() => lines.some(({ msg }) => msg === 'the stdio server answered nothing that it was asked'))
})

test('a line over the limit ends the session before it is read to its end', async t => {
  const { open, reasons } = await stdio(t, { children: { lineLimitBytes: 65_536 } })
  for (const [tool, args] of [['large', { bytes: 65_536 }], ['endless', {}]] as const) {
    t.equal(await (await open()).callForText(tool, args), 'The MCP server wrote a line of more than 65536 bytes (BODY_LIMIT_BYTES)')
  }
  t.equal(await (await open()).callForText('large', { bytes: 65_000 }), 'x'.repeat(65_000), 'up to the limit all is well')
  t.equal(reasons().length, 2)
})

test('a child that stops to read ends its session, with what waits for it bounded', async t => {
  const { open, reasons } = await stdio(t, { children: { lineLimitBytes: 65_536 } })
  const client = await open()
  const waiting = client.callForText('deaf')
  while (reasons().length === 0) await client.notify('notifications/x', { text: 'x'.repeat(60_000) })
  t.equal(await waiting, 'The MCP server does not read what it is sent')
  t.same(reasons(), ['does not read what it is sent'])
})

test('a child that closes its output and lives on ends its session', async t => {
  const { client, reasons } = await stdio(t, { command: { args: ['-e', 'fs.closeSync(1); process.stdin.resume()'] } })
  const answer = await (await client().initialize()).answer()
  t.equal(answer.error?.message, 'The MCP server closed its output')
  t.same(reasons(), ['closed its output'])
})

test('a child that closes its input and lives on ends its session with the next message', async t => {
  const { open, reasons } = await stdio(t, { command: { args: ['-e', DEAF_AFTER_INITIALIZE] } })
  const client = await open()
  t.equal(await client.callForText('echo', {}), 'The MCP server closed its input')
  t.same(reasons(), ['closed its input'])
})

test('what it says on stderr goes to the log under the hash of its session', async t => {
  const { open, built, lines } = await stdio(t)
  const client = await open()
  await client.callForText('stderr', { lines: 'one\n\ntwo\nthr' })
  await client.callForText('stderr', { lines: 'ee\nrest' })
  await client.delete()
  const session = lines.find(({ msg }) => msg === 'session opened')?.['session']
  const said = () => lines.filter(({ msg }) => msg === 'the stdio server says')
  await until(() => said().length === 4)
  t.match(said(), ['one', 'two', 'three', 'rest'].map(stderr => ({ stderr, session })))
  t.equal(built.app.mcp.sessions.size, 0)
})

test('a session that slept goes on with a new child', async t => {
  const { open, built, children } = await stdio(t, { sessionHibernateSeconds: 0.001, cleanupIntervalSeconds: 0.01 })
  const client = await open()
  const before = await client.callForText('pid')
  await until(() => built.app.mcp.sessions.list()[0]?.hibernated === true && children.size === 0)
  t.not(await client.callForText('pid'), before)
})

test('a session that can\'t wake because its command is gone tells who asked', async t => {
  const folder = t.testdir({})
  writeFileSync(`${folder}/child.mjs`, `if (process.argv.length > 2 && (await import('node:fs')).existsSync('${folder}/gone')) process.exit(9)\nawait import(${JSON.stringify(CHILD)})`)
  const { open, built, reasons, children } = await stdio(t, { sessionHibernateSeconds: 0.001, cleanupIntervalSeconds: 0.01, command: { args: [`${folder}/child.mjs`, 'x'] } })
  const client = await open()
  writeFileSync(`${folder}/gone`, '')
  await until(() => built.app.mcp.sessions.list()[0]?.hibernated === true)
  t.equal(await client.callForText('pid'), 'The MCP server could not be started')
  t.equal(reasons().at(-1), 'exited with code 9')
  await until(() => children.size === 0)
})

test('what comes between its end and its session\'s is heard by nobody', async t => {
  const { log, lines } = capturedLog()
  let gone = 0
  const server = new StdioServer({ command: 'a\0b', args: [], env: {} }, { log }, { lineLimitBytes: 1_000, killAfterMs: 1_000, guard: new GroupGuard() }, () => { gone++ })
  const [client, transport] = InMemoryTransport.createLinkedPair()
  const answers: unknown[] = []
  client.onmessage = message => { answers.push(message) }
  await server.connect(transport)
  for (const id of [1, 2]) await client.send({ jsonrpc: '2.0', id, method: 'ping' })
  await until(() => gone === 1)
  await server.close()
  t.match(answers, [{ id: 1, error: { message: /could not be started/ } }])
  t.equal(lines.length, 1)
  t.equal(gone, 1)
})
