// A `createServer` that throws: its client is told, the log says why, and nothing is left behind.
import { test, type Test } from 'tap'
import type { CreateServer } from '../../src/index.js'
import { errors } from '../../src/errors.js'
import { build, fixtureServer, nothingLeft, RawClient, until, type Built } from '../helper.js'
import { opened, WireClient } from '../streamable-client.js'

const said = ({ lines }: Built) => lines.filter(({ msg }) => msg === 'The MCP server could not be started')

/** Opens a session over each transport; both are refused. */
async function refused (t: Test, createServer: CreateServer) {
  const built = await build(t, { createServer })
  const reply = await new WireClient(`${built.url}/mcp`).initialize()
  const answer = await reply.json()
  const sse = await fetch(`${built.url}/sse`)
  const body = await sse.text()
  nothingLeft(t, built)
  t.equal(reply.headers['mcp-session-id'], undefined)
  return { built, reply, answer, sse, body }
}

const throwing = (thrown: unknown): [string, CreateServer][] => [
  ['at once', () => { throw thrown }],
  ['later', async () => { await Promise.resolve(); throw thrown }]
]

for (const [when, createServer] of throwing(new Error('database at 10.0.0.1'))) {
  test(`an error that is thrown ${when} is a 500 that tells nothing, and one line in the log that tells all`, async t => {
    const { built, reply, answer, sse, body } = await refused(t, createServer)
    t.equal(reply.status, 500)
    t.match(answer, { jsonrpc: '2.0', id: 'init', error: { code: -32603, message: 'The MCP server could not be started', data: { requestId: String } } })
    t.equal(sse.status, 500)
    t.match(JSON.parse(body), { error: 'The MCP server could not be started', requestId: String })
    t.notMatch(body + JSON.stringify(answer), 'database')
    t.match(said(built), [{ level: 50, session: String, err: { message: 'database at 10.0.0.1', stack: String } }, { level: 50 }])
    t.match(built.metrics(), { total_errors: 2 }, 'counted once each')
  })
}

test('an error with a status of 4xx is the client\'s to read, with that status', async t => {
  const [[, createServer]] = throwing(Object.assign(new Error('Your plan has no servers left'), { statusCode: 402 })) as [[string, CreateServer]]
  const { built, reply, answer, sse, body } = await refused(t, createServer)
  t.equal(reply.status, 402)
  t.match(answer, { id: 'init', error: { code: -32600, message: 'The MCP server could not be started: Your plan has no servers left' } })
  t.equal(sse.status, 402)
  t.match(JSON.parse(body), { error: 'The MCP server could not be started', detail: 'Your plan has no servers left' })
  t.match(said(built), [{ level: 30, detail: 'Your plan has no servers left' }, { level: 30 }])
})

test('a 403 looks like every other 403', async t => {
  const { reply, answer } = await refused(t, () => { throw Object.assign(new Error('Not for you'), { statusCode: 403 }) })
  t.equal(reply.status, 403)
  t.match(answer, { error: 'The MCP server could not be started', detail: 'Not for you', requestId: String })
})

test('an error of Weir\'s own keeps its status, its words and its headers', async t => {
  const { reply, answer, sse } = await refused(t, () => { throw errors.unavailable('Every place is taken', { 'retry-after': '7' }) })
  t.equal(reply.status, 503)
  t.match(answer, { error: { code: -32603, message: 'The MCP server could not be started: Every place is taken' } })
  t.equal(reply.headers['retry-after'], '7')
  t.equal(sse.headers.get('retry-after'), '7')
  t.match((await refused(t, () => { throw errors.refused() })).answer, { error: { message: 'The MCP server could not be started: Bad request' } })
})

test('whatever else is thrown or returned is a 500 that tells nothing', async t => {
  for (const thrown of ['text', null, undefined, { statusCode: 503, message: 'internal' }, Object.assign(new Error('internal'), { statusCode: 200 })] as unknown[]) {
    const { reply, answer } = await refused(t, () => { throw thrown })
    t.equal(reply.status, 500)
    t.match(answer, { error: { code: -32603, message: 'The MCP server could not be started' } })
    t.notMatch(JSON.stringify(answer), 'internal')
  }
  for (const returned of [undefined, null, {}, { connect () {} }]) {
    const { built, reply } = await refused(t, () => returned as never)
    t.equal(reply.status, 500)
    t.match(said(built)[0], { err: { message: /createServer must return a server/ } })
  }
})

test('one instance for two sessions is refused, with what to do in the log, and the first session goes on', async t => {
  const server = fixtureServer()
  const [built, first] = await opened(t, { createServer: () => server })
  const second = await new WireClient(first.url).initialize()
  t.equal(second.status, 500)
  t.equal((await RawClient.open(built.url)).response.statusCode, 500)
  t.match(said(built), [{ err: { message: /new server for each session.*inside/ } }, { err: { message: /new server for each session/ } }])
  t.equal(await first.callForText('echo', { text: 'mine' }), 'mine')
  t.equal(built.app.mcp.sessions.size, 1)
})

test('one instance again after its session ended, or slept, is refused as well', async t => {
  const server = fixtureServer()
  const [built, first] = await opened(t, { createServer: () => server, sessionHibernateSeconds: 0.05 })
  await until(() => built.app.mcp.sessions.list()[0]?.hibernated === true)
  t.match(await (await first.call('echo', { text: 'x' })).answer(), { error: { code: -32603, message: 'The MCP server could not be started' } })
  t.match(built.lines.find(({ msg }) => msg === 'server failed'), { err: { message: /new server for each session/ } })
  await first.delete()
  t.equal((await new WireClient(first.url).initialize()).status, 500)
  nothingLeft(t, built)
})

test('a server that is refused when it wakes says so in the words that are meant for the client', async t => {
  let full = false
  const [built, client] = await opened(t, {
    sessionHibernateSeconds: 0.05,
    createServer: () => {
      if (full) throw Object.assign(new Error('Your plan has run out'), { statusCode: 402 })
      return fixtureServer()
    }
  })
  await until(() => built.app.mcp.sessions.list()[0]?.hibernated === true)
  full = true
  t.match(await (await client.call('echo', { text: 'x' })).answer(), { error: { message: 'The MCP server could not be started: Your plan has run out' } })
})
