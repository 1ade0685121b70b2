// The host's own part of the application stays as it was, and its hooks run on all that Weir answers.
import { PassThrough, Transform } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { build, RawClient, until, type BuildOptions } from '../helper.js'
import { opened, talkative, WireClient, type Exchange } from '../streamable-client.js'
import { echoes } from './sdk-clients.js'

/** Everything that Weir could put in a host's way, switched on. */
const strict: BuildOptions = {
  prefix: '/ai',
  apiKeys: ['key'],
  rateLimitPerMinute: 1_000,
  allowedHosts: ['127.0.0.1'],
  corsOrigins: ['https://app.example.com'],
  bodyLimitBytes: 1_024
}

test('the host\'s routes, body parsers, error and not-found handlers are as they were', async t => {
  const { url } = await build(t, {
    ...strict,
    allowedHosts: ['nowhere.example'],
    rateLimitPerMinute: 1,
    host: app => {
      app.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, body, done) => { done(null, String(body).split(',')) })
      app.post('/own', async ({ body }) => ({ body }))
      app.get('/fails', async () => { throw Object.assign(new Error('own'), { statusCode: 418 }) })
      app.setErrorHandler(async (error, _request, reply) => await reply.code(418).send({ handled: (error as Error).message }))
      app.setNotFoundHandler(async (_request, reply) => await reply.code(404).send({ missing: true }))
    }
  })
  const post = async (type: string, body: string) => await (await fetch(`${url}/own`, { method: 'POST', headers: { 'content-type': type, origin: 'https://evil.example' }, body })).json()
  for (let index = 0; index < 3; index++) t.same(await post('application/json', '{"a":1}'), { body: { a: 1 } }, 'no limit, no key, no host or origin check')
  t.same(await post('text/csv', 'a,b'), { body: ['a', 'b'] })
  t.same(await post('text/plain', 'x'.repeat(5_000)), { body: 'x'.repeat(5_000) }, 'no body limit')
  t.match(await post('application/json', '{'), { handled: /JSON/ })
  t.same(await (await fetch(`${url}/fails`)).json(), { handled: 'own' })
  t.same(await (await fetch(`${url}/nope`)).json(), { missing: true })
  t.equal((await fetch(`${url}/own`, { method: 'OPTIONS', headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' } })).status, 404, 'no preflight')
})

test('Weir\'s errors stay Weir\'s, beside a host\'s handlers, parsers, validators and serializers', async t => {
  const { url } = await build(t, {
    ...strict,
    host: app => {
      app.setErrorHandler(async () => 'the host')
      app.setNotFoundHandler(async () => 'the host')
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', (_request, _payload, done) => { done(new Error('none of Weir\'s')) })
      app.setValidatorCompiler(() => () => { throw new Error('none of Weir\'s') })
      app.setSerializerCompiler(() => () => { throw new Error('none of Weir\'s') })
      app.setReplySerializer(() => { throw new Error('none of Weir\'s') })
    }
  })
  t.match(await (await fetch(`${url}/ai/sse`)).json(), { error: 'Invalid or missing API key' })
  t.match(await (await fetch(`${url}/ai/nope`)).json(), { error: 'Not found' })
  const client = new WireClient(`${url}/ai/mcp`, undefined, { 'x-api-key': 'key' })
  t.match(await (await client.post('{')).json(), { error: { code: -32700 } })
  t.match(await (await client.post('x'.repeat(2_000))).json(), { error: { code: -32600, message: /^Message too large/ } })
  await echoes(t, `${url}/ai`, { 'x-api-key': 'key' })
})

test('the host\'s hooks run on Weir\'s JSON and on its streams, and the headers that they set go out', async t => {
  const ran: Record<string, string[]> = {}
  const note = (hook: string, url: string) => { (ran[hook] ??= []).push(url.split('?')[0] ?? '') }
  const [built, client] = await opened(t, {
    createServer: () => talkative(),
    host: app => {
      app.addHook('onRequest', async ({ url }, reply) => { note('onRequest', url); reply.header('x-on-request', 'host') })
      app.addHook('preHandler', async ({ url }) => { note('preHandler', url) })
      app.addHook('onSend', async ({ url }, reply, payload) => { note('onSend', url); reply.header('x-on-send', 'host'); return payload })
      app.addHook('onResponse', async ({ url }) => { note('onResponse', url) })
    }
  })
  const seen = { 'x-on-request': 'host', 'x-on-send': 'host' }
  const json = await client.call('echo', { text: 'x' })
  t.match(json.headers, { ...seen, 'content-type': /json/ })
  const posted = await client.call('say', { pieces: 1 })
  t.match(posted.headers, { ...seen, 'content-type': /event-stream/ })
  await posted.ended
  const standing = await client.listen()
  t.match(standing.headers, { ...seen, 'content-type': /event-stream/ })
  const sse = await RawClient.session(built.url)
  t.match(sse.response.headers, { ...seen, 'content-type': /event-stream/ })
  for (const path of ['/health', '/metrics', '/nope']) t.match(Object.fromEntries((await fetch(built.url + path)).headers), seen, path)
  t.match((await client.post('{')).headers, { ...seen, 'content-type': /json/ }, 'an error')
  for (const hook of ['onRequest', 'preHandler', 'onSend']) for (const path of ['/mcp', '/sse']) t.ok(ran[hook]?.includes(path), `${hook} ${path}`)
  t.ok(ran['onResponse']?.includes('/mcp'))
  sse.close()
})

test('an onSend hook of the host\'s may put a stream of its own in place of Weir\'s', async t => {
  const [built, client] = await opened(t, {
    createServer: () => talkative(),
    host: app => {
      app.addHook('onSend', async (_request, _reply, payload) => {
        if (typeof payload === 'string') return payload.replaceAll('aare', 'AARE')
        if (!(payload instanceof PassThrough) && typeof (payload as { pipe?: unknown } | null)?.pipe !== 'function') return payload
        return (payload as NodeJS.ReadableStream).pipe(new Transform({ transform (chunk, _encoding, done) { done(null, String(chunk).replaceAll('aare', 'AARE')) } }))
      })
    }
  })
  t.equal(await client.callForText('echo', { text: 'aare' }), 'AARE')
  const stream = await client.listen()
  built.app.mcp.broadcast({ method: 'notifications/x', params: { river: 'aare' } })
  t.match(await stream.message(), { params: { river: 'AARE' } })
})

test('a hook of the host\'s that refuses is answered in Weir\'s shape, and nothing is opened', async t => {
  const refusing = (app: FastifyInstance) => { app.addHook('onRequest', async () => { throw Object.assign(new Error('Closed on Sundays'), { statusCode: 403 }) }) }
  const built = await build(t, { host: refusing })
  const check = async (exchange: Exchange) => { t.equal(exchange.status, 403); t.match(await exchange.json(), { error: 'Closed on Sundays', requestId: String }) }
  await check(await new WireClient(`${built.url}/mcp`).initialize())
  t.match(await (await fetch(`${built.url}/sse`)).json(), { error: 'Closed on Sundays' })
  t.equal(built.app.mcp.sessions.size, 0)
})

test('a host that closes ends Weir\'s streams, and its own onClose hooks run', async t => {
  let closed = false
  const built = await build(t, { host: app => { app.addHook('onClose', async () => { closed = true }) } })
  const client = await RawClient.session(built.url)
  await built.app.close()
  await client.ended
  await until(() => closed)
  t.equal(client.retry, '1000')
})
