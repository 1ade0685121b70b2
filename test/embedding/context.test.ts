// What `createServer` is told of the session that it builds a server for.
import { test, type Test } from 'tap'
import type { ServerContext } from '../../src/index.js'
import { build, fixtureServer, nothingLeft, RawClient, until, type BuildOptions } from '../helper.js'
import { ACCEPT, Exchange, initializeRequest, WireClient } from '../streamable-client.js'

const authenticate = () => ({ id: 'ada', scopes: ['read'], claims: { tenant: 'bern' } })
const later = async () => { await new Promise(resolve => setImmediate(resolve)) }

/** An endpoint that keeps the context of every server that it builds. */
async function keeping (t: Test, { async: isAsync = false, ...options }: BuildOptions & { async?: boolean } = {}) {
  const contexts: ServerContext[] = []
  const sync = (context: ServerContext) => { contexts.push(context); return fixtureServer() }
  const built = await build(t, { authenticate, createServer: isAsync ? async context => { await later(); return sync(context) } : sync, ...options })
  return { built, contexts }
}

for (const isAsync of [false, true]) {
  test(`over /mcp ${isAsync ? 'an async' : 'a'} createServer knows who opened the session, how, and with which client`, async t => {
    const { built, contexts } = await keeping(t, { async: isAsync })
    await new WireClient(`${built.url}/mcp`).open()
    const [context] = contexts
    t.same(context?.principal, authenticate())
    t.equal(context?.transport, 'streamable')
    t.equal(context?.sessionHash, built.app.mcp.sessions.list()[0]?.hash)
    t.same(context?.clientInfo, { name: 'wire', version: '1' }, 'known from the start')
    t.same(context?.headers, {}, 'none unless they are asked for')
    t.equal(context?.signal.aborted, false)
  })

  test(`over /sse ${isAsync ? 'an async' : 'a'} createServer knows the same, and the client once it has said its name`, async t => {
    const { built, contexts } = await keeping(t, { async: isAsync })
    const client = await RawClient.session(built.url)
    const [context] = contexts
    t.match(context, { principal: authenticate(), transport: 'sse', sessionHash: built.app.mcp.sessions.list()[0]?.hash, clientInfo: undefined, headers: {} })
    await client.initialize()
    t.same(context?.clientInfo, { name: 'raw', version: '1' })
    client.close()
    await until(() => context?.signal.aborted === true)
  })
}

test('a client that says nothing of itself has no clientInfo', async t => {
  const { built, contexts } = await keeping(t)
  const { params, ...request } = initializeRequest()
  await new WireClient(`${built.url}/mcp`).post({ ...request, params: { ...params, clientInfo: { name: 7 } } })
  t.equal(contexts[0]?.clientInfo, undefined)
})

test('headers are those that contextHeaders names, in any case, where they were sent', async t => {
  const { built, contexts } = await keeping(t, { contextHeaders: ['X-Tenant', 'accept', 'x-missing'] })
  await new WireClient(`${built.url}/mcp`, undefined, { 'x-tenant': 'thun', 'x-other': 'secret' }).open()
  t.same(contexts[0]?.headers, { 'x-tenant': 'thun', accept: ACCEPT })
  const client = await RawClient.session(built.url, { 'X-TENANT': 'brienz', accept: 'text/event-stream' })
  t.same(contexts[1]?.headers, { 'x-tenant': 'brienz', accept: 'text/event-stream' })
  client.close()
})

test('a header that was sent twice is there as Node gives it', async t => {
  const { built, contexts } = await keeping(t, { contextHeaders: ['x-tenant'] })
  await Exchange.send('POST', `${built.url}/mcp`, { 'content-type': 'application/json', accept: ACCEPT, 'x-tenant': ['a', 'b'] }, JSON.stringify(initializeRequest()))
  t.same(contexts[0]?.headers, { 'x-tenant': 'a, b' })
})

test('log writes under the session\'s hash', async t => {
  const { built, contexts } = await keeping(t)
  await new WireClient(`${built.url}/mcp`).open()
  contexts[0]?.log.info({ of: 'mine' }, 'a server speaks')
  t.match(built.lines.find(({ msg }) => msg === 'a server speaks'), { session: contexts[0]?.sessionHash, of: 'mine', reqId: String })
})

test('after it slept the next server is told the same, and each has a signal of its own', async t => {
  const { built, contexts } = await keeping(t, { sessionHibernateSeconds: 0.1, contextHeaders: ['x-tenant'] })
  const client = await new WireClient(`${built.url}/mcp`, undefined, { 'x-tenant': 'thun' }).open()
  const asleep = () => built.app.mcp.sessions.list()[0]?.hibernated === true
  const first = contexts[0]?.signal
  t.equal(first?.aborted, false)
  await until(asleep)
  t.equal(first?.aborted, true, 'it hibernates')

  const { headers } = client
  headers['x-tenant'] = 'other'
  t.equal(await client.callForText('echo', { text: 'awake' }), 'awake')
  t.ok(contexts.length > 1)
  const context = contexts.at(-1)
  t.match(context, { principal: authenticate(), transport: 'streamable', sessionHash: contexts[0]?.sessionHash, clientInfo: { name: 'wire' } })
  t.same(context?.headers, { 'x-tenant': 'thun' }, 'of the request that opened the session')
  context?.log.info('awake again')
  t.match(built.lines.find(({ msg }) => msg === 'awake again'), { session: context?.sessionHash })
  await client.delete()
  t.equal(context?.signal.aborted, true, 'it ended')
})

test('a signal that is asked for too late has aborted already', async t => {
  const { built, contexts } = await keeping(t)
  const client = await new WireClient(`${built.url}/mcp`).open()
  await client.delete()
  t.equal(contexts[0]?.signal.aborted, true)
})

test('a session that ends while its server is built tells so by the signal, and nothing is left', async t => {
  const signals: AbortSignal[] = []
  const built = await build(t, {
    createServer: async ({ signal }) => {
      signals.push(signal)
      return await new Promise((_resolve, reject) => { signal.addEventListener('abort', () => { reject(new Error('given up')) }) })
    }
  })
  const opening = new WireClient(`${built.url}/mcp`).initialize()
  await until(() => signals.length === 1)
  t.equal(await built.app.mcp.sessions.closeByOwner('anonymous'), 1)
  t.match(await (await opening).answer(), { error: { code: -32603, message: /session ended before it was ready/ } })
  t.equal(signals[0]?.aborted, true)
  nothingLeft(t, built)
})

test('the signal of a server that could not be built has aborted', async t => {
  const signals: AbortSignal[] = []
  const built = await build(t, { createServer: ({ signal }) => { signals.push(signal); throw new Error('no') } })
  t.equal((await new WireClient(`${built.url}/mcp`).initialize()).status, 500)
  t.equal((await RawClient.open(built.url)).response.statusCode, 500)
  t.same(signals.map(({ aborted }) => aborted), [true, true])
  nothingLeft(t, built)
})
