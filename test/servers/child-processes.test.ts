import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { RawClient, until } from '../helper.js'
import { reasonsOf } from '../streamable-client.js'
import { CHILD, isAlive, stdio } from './stdio-endpoint.js'

test('no more children than MAX_CHILD_PROCESSES: who comes too late is told, and has its place when another goes', async t => {
  const { open, client, url, children } = await stdio(t, { children: { max: 2 } })
  const first = await open()
  const second = await RawClient.session(url)
  t.equal(children.size, 2, 'a session that has said nothing yet has its place')
  const refused = await client().initialize()
  t.equal(refused.status, 503)
  t.equal(refused.headers['retry-after'], '10')
  t.match(await refused.json(), { id: 'init', error: { message: /MAX_CHILD_PROCESSES \(2\)/ } })
  t.equal(await first.callForText('echo', { text: 'not disturbed' }), 'not disturbed')
  second.close()
  await until(() => children.size === 1)
  await open()
})

test('an end is the end of all that the child started', async t => {
  const { open, children } = await stdio(t)
  const client = await open()
  const grandchild = await client.callForText('grandchild')
  t.ok(isAlive(grandchild))
  await client.delete()
  await until(() => children.size === 0)
  t.notOk(isAlive(grandchild))
})

test('who does not care for SIGTERM is killed, child and grandchild', async t => {
  const { open, children } = await stdio(t, { children: { killAfterMs: 50 }, command: { args: [CHILD, 'stubborn'] } })
  const client = await open()
  const pids = [await client.callForText('pid'), await client.callForText('grandchild', { stubborn: true })]
  await client.delete()
  await until(() => children.size === 0)
  t.same(pids.map(isAlive), [false, false])
})

test('a grandchild that holds the pipes of a child that is gone holds up nobody', async t => {
  const { open, children, reasons } = await stdio(t, { children: { killAfterMs: 50 } })
  const client = await open()
  const grandchild = await client.callForText('grandchild', { stubborn: true, inherit: true })
  t.equal(await client.callForText('exit', { code: 4 }), 'The MCP server exited with code 4')
  t.same(reasons(), ['exited with code 4'])
  await until(() => children.size === 0)
  t.notOk(isAlive(grandchild))
})

test('close ends all children and their sessions, and starts none', async t => {
  const { open, client, children, built, reasons } = await stdio(t)
  const [first, second] = [await open(), await open()]
  const pids = [await first.callForText('pid'), await second.callForText('pid')]
  const waiting = first.callForText('hang')
  await until(() => built.app.mcp.sessions.list().some(({ requestsInFlight }) => requestsInFlight === 1))
  const closed = children.close()
  t.equal(children.close(), closed, 'a second call joins the first')
  await closed
  t.equal(children.size, 0)
  t.same(pids.map(isAlive), [false, false])
  t.equal(await waiting, 'The MCP server was stopped')
  t.same(reasons(), ['was stopped', 'was stopped'])
  t.same(reasonsOf(built), ['server', 'server'])
  const refused = await client().initialize()
  t.equal(refused.status, 503)
  t.match(await refused.json(), { error: { message: /no child process is started any more/ } })
})

test('kill waits for nobody', async t => {
  const { open, url, children } = await stdio(t, { command: { args: [CHILD, 'stubborn'] } })
  const client = await open()
  const silent = await RawClient.session(url)
  const pids = [await client.callForText('pid'), await client.callForText('grandchild', { stubborn: true })]
  children.kill()
  silent.close()
  await until(() => !pids.some(isAlive) && children.size === 0)
  t.pass('all are gone')
})

test('the guard is another process: it is there while children are, and goes with the last call', async t => {
  const { open, children } = await stdio(t)
  const shells = () => spawnSync('pgrep', ['-P', String(process.pid), '-x', 'sh'], { encoding: 'utf8' }).stdout.trim().split('\n').filter(Boolean)
  t.same(shells(), [])
  await open()
  t.equal(shells().length, 1)
  await children.close()
  t.same(shells(), [])
})
