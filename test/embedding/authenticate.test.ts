// `authenticate`: the host says who asks, and the server's handlers hear of it.
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { test } from 'tap'
import type { Authenticate, Principal } from '../../src/index.js'
import { build, nothingLeft, RawClient, textOf } from '../helper.js'
import { ACCEPT, Exchange, initializeRequest, WireClient } from '../streamable-client.js'

const whois: Authenticate = ({ headers }) => typeof headers['x-user'] !== 'string' ? null : { id: headers['x-user'], scopes: ['read', 'swim'], claims: { tenant: 'bern', plan: headers['x-plan'] } }
const as = (user: string, plan = 'free') => ({ 'x-user': user, 'x-plan': plan })
const authInfoOf = (user: string, plan = 'free') => ({ token: '', clientId: user, scopes: ['read', 'swim'], extra: { tenant: 'bern', plan } })
const seen = (text = '{}') => (JSON.parse(text) as { authInfo?: unknown }).authInfo
const shape = (error: string) => ({ error, requestId: String })

for (const [when, authenticate] of [['at once', whois], ['later', async request => await Promise.resolve(whois(request))]] as [string, Authenticate][]) {
  test(`a principal that is known ${when} reaches a handler as authInfo with every message, of SDK v1`, async t => {
    const built = await build(t, { authenticate })
    const client = await new WireClient(`${built.url}/mcp`, undefined, as('ada')).open()
    t.same(seen(await client.callForText('whoami')), authInfoOf('ada'))
    client.headers['x-plan'] = 'gold'
    t.same(seen(await client.callForText('whoami')), authInfoOf('ada', 'gold'), 'of this message, not of the first one')

    const sse = await RawClient.session(built.url, as('eve'))
    await sse.initialize()
    t.same(seen(textOf(await sse.callTool(1, 'whoami'))), authInfoOf('eve'))
    t.match(built.app.mcp.sessions.list(), [{ owner: 'ada' }, { owner: 'eve' }])
    sse.close()
  })
}

test('and of SDK v2', async t => {
  const built = await build(t, {
    authenticate: whois,
    createServer: () => {
      const server = new McpServerV2({ name: 'second', version: '2' })
      server.registerTool('whoami', {}, ({ http }) => ({ content: [{ type: 'text', text: JSON.stringify(http?.authInfo) }] }))
      return server
    }
  })
  const client = await new WireClient(`${built.url}/mcp`, undefined, as('ada')).open()
  t.same(JSON.parse(await client.callForText('whoami') ?? ''), authInfoOf('ada'))
  const sse = await RawClient.session(built.url, as('eve'))
  await sse.initialize()
  t.same(JSON.parse(textOf(await sse.callTool(1, 'whoami'))), authInfoOf('eve'))
  sse.close()
})

test('a session is its principal\'s, whatever else of it changes', async t => {
  const built = await build(t, { authenticate: whois })
  const client = await new WireClient(`${built.url}/mcp`, undefined, as('ada')).open()
  t.equal((await client.post({ jsonrpc: '2.0', id: 1, method: 'ping' }, as('eve'))).status, 404)
  t.equal((await client.delete(as('eve'))).status, 404)
  t.equal((await client.post({ jsonrpc: '2.0', id: 1, method: 'ping' }, as('ada', 'gold'))).status, 200)
})

/** What a stranger is told on each way in: status, body and headers. */
async function refusals (url: string): Promise<{ status: number | undefined, body: string, headers: Record<string, unknown> }[]> {
  const exchanges = await Promise.all([
    Exchange.send('POST', `${url}/mcp`, { 'content-type': 'application/json', accept: ACCEPT }, JSON.stringify(initializeRequest())),
    Exchange.send('GET', `${url}/sse`, {}),
    Exchange.send('POST', `${url}/messages?session_id=${crypto.randomUUID()}`, { 'content-type': 'application/json' }, '{}')
  ])
  await Promise.all(exchanges.map(async ({ ended }) => { await ended }))
  return exchanges.map(({ status, body, headers }) => ({ status, body, headers }))
}

test('null is 401 with a challenge, on every way in', async t => {
  const built = await build(t, { authenticate: whois })
  for (const { status, body, headers } of await refusals(built.url)) {
    t.equal(status, 401)
    t.match(JSON.parse(body), shape('Invalid or missing API key'))
    t.match(headers, { 'www-authenticate': 'Bearer realm="mcp"' })
  }
  nothingLeft(t, built)
})

for (const [statusCode, code] of [[401, undefined], [403, undefined], [429, -32600], [418, -32600]] as const) {
  test(`what is thrown with ${statusCode} is answered in its own words`, async t => {
    for (const thrown of [Object.assign(new Error('In my words'), { statusCode }), { statusCode, message: 'In my words' }] as unknown[]) {
      const built = await build(t, { authenticate: () => { throw thrown } })
      const [mcp, sse, messages] = await refusals(built.url)
      for (const answer of [mcp, sse, messages]) t.equal(answer?.status, statusCode)
      t.match(JSON.parse(mcp?.body ?? ''), code === undefined ? shape('In my words') : { error: { code, message: 'In my words' } })
      for (const answer of [sse, messages]) t.match(JSON.parse(answer?.body ?? ''), shape('In my words'))
      if (statusCode === 401) t.match(mcp?.headers, { 'www-authenticate': 'Bearer realm="mcp"' })
      if (statusCode === 429) t.match(mcp?.headers, { 'retry-after': '10' })
      t.match(await built.app.mcp.metrics.registry.metrics(), `mcp_auth_failures_total ${statusCode === 401 ? 3 : 0}\n`)
      nothingLeft(t, built)
    }
  })
}

test('headers of what is thrown go with the answer', async t => {
  const challenge = 'Bearer resource_metadata="https://app.example.com/.well-known/oauth-protected-resource"'
  const thrown = [
    Object.assign(new Error('Sign in'), { statusCode: 401, headers: { 'www-authenticate': challenge } }),
    Object.assign(new Error('Slowly'), { statusCode: 429, headers: { 'Retry-After': 3 } }),
    Object.assign(new Error('internal'), { statusCode: 503, headers: { 'retry-after': '4' } })
  ]
  const built = await build(t, { authenticate: () => { throw thrown[0] ?? new Error('no more') } })
  for (const headers of [{ 'www-authenticate': challenge }, { 'retry-after': '3' }, { 'retry-after': '4' }]) {
    for (const answer of await refusals(built.url)) t.match(answer.headers, headers)
    thrown.shift()
  }
})

test('a 401 without words has Weir\'s', async t => {
  const built = await build(t, { authenticate: () => { throw { statusCode: 401 } as unknown } })
  for (const { body } of await refusals(built.url)) t.match(JSON.parse(body), shape('Invalid or missing API key'))
})

test('what else is thrown is a 500 that tells nothing, and stays in the log', async t => {
  for (const thrown of [new Error('database at 10.0.0.1'), Object.assign(new Error('database at 10.0.0.1'), { statusCode: 502 }), 'database', undefined] as unknown[]) {
    const built = await build(t, { authenticate: async () => { throw thrown } })
    for (const { status, body } of await refusals(built.url)) {
      t.ok(Number(status) >= 500)
      t.notMatch(body, 'database')
      t.match(body, 'Internal server error')
    }
    if (thrown instanceof Error) t.match(built.lines.filter(({ level }) => level === 50), [{ err: { message: 'database at 10.0.0.1' } }, {}, {}])
    nothingLeft(t, built)
  }
})

const bad: [unknown, RegExp][] = [
  [{}, /id: .*required|id: /], [{ id: '' }, /id: /], [{ id: 7 }, /id: expected string/], ['ada', /expected object/], [true, /expected object/], [['ada'], /expected object/],
  [{ id: 'ada', scopes: 'read' }, /scopes: expected array/], [{ id: 'ada', scopes: ['read', 7] }, /scopes\.1: expected string/], [{ id: 'ada', scopes: null }, /scopes: expected array/],
  [{ id: 'ada', claims: 'x' }, /claims: expected object/], [{ id: 'ada', claims: [] }, /claims: expected object/], [{ id: 'ada', claims: null }, /claims: expected object/]
]

test('a principal that is none is a TypeError in the log that says why, and a 500', async t => {
  for (const [principal, why] of bad) {
    const built = await build(t, { authenticate: () => principal as Principal })
    for (const { status, body } of await refusals(built.url)) {
      t.equal(status, 500)
      t.notMatch(body, /principal|ada/)
    }
    const [line] = built.lines.filter(({ level }) => level === 50)
    t.match(line, { err: { type: 'TypeError', message: /^authenticate: a principal/ } })
    t.match((line?.['err'] as Error).message, why, JSON.stringify(principal))
  }
})

test('what a principal leaves open may be undefined', async t => {
  const built = await build(t, { authenticate: () => ({ id: 'ada', scopes: undefined, claims: undefined, more: 'of the host\'s' }) as never })
  const client = await new WireClient(`${built.url}/mcp`).open()
  t.same(seen(await client.callForText('whoami')), { token: '', clientId: 'ada', scopes: [] })
})

test('health asks nobody', async t => {
  let asked = 0
  const built = await build(t, { authenticate: () => { asked++; return null } })
  t.equal((await fetch(`${built.url}/health/ready`)).status, 200)
  t.equal((await fetch(`${built.url}/metrics`)).status, 200)
  t.equal(asked, 0)
})
