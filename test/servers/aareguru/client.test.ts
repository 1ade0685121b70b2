import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { test, type Test } from 'tap'
import { startSimulatedRiver } from '../../../examples/simulated-river.js'
import { AareguruClient } from '../../../src/servers/aareguru/client.js'
import { Feed } from '../../../src/servers/aareguru/feed.js'
import { TodaySchema } from '../../../src/servers/aareguru/schemas.js'
import { Upstream } from '../../../src/servers/aareguru/upstream.js'
import { MINUTE, SUMMER } from './helper.js'

async function start (t: Test, { timeoutSeconds = 5, cacheTtlSeconds = 120 } = {}) {
  const clock = { ms: SUMMER }
  const now = () => clock.ms
  const river = await startSimulatedRiver({ now })
  t.teardown(() => river.close())
  const client = new AareguruClient({ baseUrl: river.url, app: 'a test', version: '1.2.3', timeoutSeconds, cacheTtlSeconds, now })
  return { clock, river, client, now }
}

test('upstream is told who asks', async t => {
  const { client, river } = await start(t)
  await client.cities()
  t.same(river.requests, ['/v2018/cities?app=a+test&version=1.2.3'])
})

test('an answer is asked for once per lifetime', async t => {
  const { client, river, clock } = await start(t)
  const first = await client.current('bern')
  clock.ms += 2 * MINUTE
  t.equal(await client.current('bern'), first)
  t.equal(river.requests.length, 1)
  clock.ms += 1
  t.not(await client.current('bern'), first)
  t.equal(river.requests.length, 2)
})

test('without a lifetime an answer is used within the same millisecond only, not for ever', async t => {
  const { client, river, clock } = await start(t, { cacheTtlSeconds: 0 })
  await client.cities()
  clock.ms += 2
  await client.cities()
  t.equal(river.requests.length, 2)
})

test('one request is under way per URL, and the others wait for it', async t => {
  const { client, river } = await start(t)
  const answers = await Promise.all(Array.from({ length: 50 }, async () => await client.current('bern')))
  t.equal(new Set(answers).size, 1)
  t.equal(river.requests.length, 1)
})

test('a request under way whose place in the cache is taken is still answered', async t => {
  const { river, now } = await start(t)
  const upstream = new Upstream({ baseUrl: river.url, app: 'test', version: '1', timeoutSeconds: 5 })
  const feed = new Feed(upstream, TodaySchema, { ttlSeconds: 60, maxEntries: 1, now })
  const answers = await Promise.all(['bern', 'thun', 'biel'].map(async city => await feed.get(upstream.url('v2018/today', { city }))))
  t.same(answers.map(({ data }) => data.name), ['Bärn', 'Thun', 'Biu'])
})

test('while upstream fails, the last good answer stands in for an hour', async t => {
  const { client, river, clock } = await start(t)
  const good = await client.current('bern')
  t.equal(good.stale, false)
  for (const failure of ['status', 'cut', 'garbage', 'shape', 'endless'] as const) {
    river.fail = failure
    clock.ms += 3 * MINUTE
    t.match(await client.current('bern'), { stale: true, fetchedAt: SUMMER, data: good.data }, failure)
  }
  clock.ms = SUMMER + 60 * MINUTE - 1
  t.match(await client.current('bern'), { stale: true })
  clock.ms = SUMMER + 60 * MINUTE + 1
  await t.rejects(client.current('bern'), { reason: 'BAD_ANSWER', message: /more than/ }, 'an hour is the end of it')
  river.fail = null
  t.match(await client.current('bern'), { stale: false, fetchedAt: clock.ms })
})

test('a stale answer spares a failing upstream for half a minute and no longer', async t => {
  const { client, river, clock } = await start(t)
  await client.current('bern')
  river.fail = 'status'
  clock.ms += 5 * MINUTE
  await client.current('bern')
  await client.current('bern')
  t.equal(river.requests.length, 2)
  river.fail = null
  clock.ms += MINUTE / 2 + 1
  t.match(await client.current('bern'), { stale: false })
})

test('a failure without a good answer says what could not be reached, and is not kept', async t => {
  const { client, river } = await start(t, { timeoutSeconds: 0.1 })
  const { host } = new URL(river.url)
  const failures: [failure: NonNullable<typeof river.fail>, reason: string, message: string][] = [
    ['status', 'UNREACHABLE', `${host}/v2018/cities answered with HTTP 503`],
    ['hang', 'UNREACHABLE', `${host}/v2018/cities did not answer within 0.1 seconds`],
    ['cut', 'UNREACHABLE', `${host}/v2018/cities could not be reached`],
    ['garbage', 'BAD_ANSWER', `${host}/v2018/cities did not answer with JSON`],
    ['shape', 'BAD_ANSWER', `${host}/v2018/cities answered in an unexpected shape (at the top)`]
  ]
  for (const [failure, reason, message] of failures) {
    river.fail = failure
    await t.rejects(client.cities(), { name: 'AareguruError', reason, message }, failure)
  }
  river.fail = null
  t.match(await client.cities(), { stale: false })
})

test('an answer without end is cut off', async t => {
  const { client, river } = await start(t)
  river.fail = 'endless'
  await t.rejects(client.cities(), { reason: 'BAD_ANSWER', message: /answered with more than 8388608 bytes/ })
})

test('an empty answer is no JSON', async t => {
  const { client, river } = await start(t)
  river.patch = () => undefined
  await t.rejects(client.cities(), { reason: 'BAD_ANSWER', message: /did not answer with JSON/ })
})

test('an answer without a body is a failure like any other', async t => {
  let status = 304
  const server = createServer((_, response) => response.writeHead(status).end()).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = new AareguruClient({ baseUrl: `http://127.0.0.1:${port}`, app: 'a', version: '1', timeoutSeconds: 5, cacheTtlSeconds: 1 })
  await t.rejects(client.cities(), { reason: 'UNREACHABLE', message: /answered with HTTP 304$/ })
  status = 204
  await t.rejects(client.cities(), { reason: 'BAD_ANSWER', message: /did not answer with JSON$/ })
})

test('an unexpected shape is named by where it is', async t => {
  const { client, river } = await start(t)
  river.patch = (_, payload) => ({ ...payload as object, aare: { temperature: 'warm' } })
  await t.rejects(client.current('bern'), { reason: 'BAD_ANSWER', message: /unexpected shape \(at aare\.temperature\)$/ })
})

test('any value may be null or missing', async t => {
  const { client, river } = await start(t)
  river.patch = () => ({ aare: null, weather: null })
  t.match(await client.current('bern'), { data: { aare: { temperature: null, flow: null }, weather: { forecast: null } } })
  river.patch = () => ({})
  t.match(await client.current('thun'), { data: { aare: { temperature: null } } })
  t.match(await client.today('thun'), { data: { aare: null, text: null } })
  river.patch = () => [{ city: null, name: 'Nowhere' }, { city: 'bern' }]
  t.same((await client.cities()).data, [{ city: 'bern', name: null, longname: null, coordinates: null, aare: null, aare_prec: null, time: null }])
})

test('an empty object may come as an empty array', async t => {
  const { client, river } = await start(t)
  river.patch = () => ({ weather: { current: [], today: [] }, values: [], data: [] })
  t.match(await client.current('bern'), { data: { weather: { current: {}, today: {} } } })
  t.same((await client.widget()).data.values, {})
  t.same((await client.history('bern', 0, 1)).data.data, {})
  river.patch = () => ({ values: [1], data: [1] })
  await t.rejects(client.history('bern', 1, 2), { reason: 'BAD_ANSWER', message: /at data/ })
})

test('seconds may have fractions', async t => {
  const { client } = await start(t, { timeoutSeconds: 1.1, cacheTtlSeconds: 1.1 })
  t.match(await client.cities(), { stale: false })
})

test('a city is found by key, name and long name, in any case and with blanks around it', async t => {
  const { client } = await start(t)
  for (const name of ['bern', 'BERN', ' bern\n', 'Bärn', 'bÄRN', 'Ba\u0308rn', 'Bern, Schönau']) {
    t.equal((await client.resolve(name)).city.city, 'bern', name)
  }
  t.equal((await client.resolve('thun')).city.city, 'thun')
})

test('seed 15: a name that upstream does not know is an error that lists the cities', async t => {
  const { client, river } = await start(t)
  for (const name of ['zurich', '', '__proto__', 'constructor', '../cities', 'bern&city=thun', 'b', 'Bern,']) {
    await t.rejects(client.resolve(name), { reason: 'UNKNOWN_CITY', code: -32002, message: /^Unknown city ".*"\. The cities are: brienz \(Brienz\), .*bern \(Bärn\)/ }, name)
  }
  await t.rejects(client.resolve('a\u0000b\u202ec\nd'), { message: /^Unknown city "a b c d"/ })
  await t.rejects(client.resolve('x'.repeat(5000)), { message: /^Unknown city "x{100}"/ })
  t.equal(river.requests.length, 1, 'and it is never asked for')
})

test('a city without a name is listed by its key', async t => {
  const { client, river } = await start(t)
  river.patch = () => [{ city: 'bern' }, { city: 'thun', name: 'Thun' }]
  await t.rejects(client.resolve('basel'), { message: /The cities are: bern, thun \(Thun\)$/ })
})

test('seed 15: without any city every name is unknown', async t => {
  const { client, river } = await start(t)
  river.patch = () => []
  await t.rejects(client.resolve('bern'), { reason: 'UNKNOWN_CITY', message: /none at the moment/ })
})

test('requests under way are limited over all URLs', async t => {
  const { client, river } = await start(t, { timeoutSeconds: 30 })
  river.fail = 'hang'
  const waiting = Array.from({ length: 64 }, async (_, index) => await client.history('bern', index, 1000))
  const outcomes = Promise.allSettled(waiting)
  await t.rejects(client.cities(), { reason: 'BUSY', message: /Too many requests to 127\.0\.0\.1:\d+ are under way/ })
  await river.close()
  for (const outcome of await outcomes) t.match(outcome, { status: 'rejected', reason: { reason: 'UNREACHABLE' } })
})

test('a request that has ended, well or not, is not under way', async t => {
  const { client, river } = await start(t)
  river.fail = 'status'
  for (let index = 0; index < 65; index++) await t.rejects(client.cities(), { reason: 'UNREACHABLE', message: /HTTP 503/ })
  river.fail = null
  for (let index = 0; index < 65; index++) t.match(await client.history('bern', index, 0), { stale: false })
})

test('the base URL may have a path, and has to be http or https', async t => {
  const options = { app: 'a', version: '1', timeoutSeconds: 1 }
  t.equal(new Upstream({ ...options, baseUrl: 'https://proxy.example/river' }).url('v2018/cities'), 'https://proxy.example/river/v2018/cities?app=a&version=1')
  t.equal(new Upstream({ ...options, baseUrl: 'https://proxy.example/' }).url('v2018/today', { city: '../&x=1' }), 'https://proxy.example/v2018/today?city=..%2F%26x%3D1&app=a&version=1')
  t.throws(() => new Upstream({ ...options, baseUrl: 'file:///etc/passwd' }), { name: 'TypeError', message: /http or https/ })
  t.throws(() => new Upstream({ ...options, baseUrl: 'nonsense' }), { name: 'TypeError' })
})

test('a client goes by the time of day unless told otherwise', async t => {
  const client = new AareguruClient({ baseUrl: 'http://127.0.0.1:9', app: 'a', version: '1', timeoutSeconds: 1, cacheTtlSeconds: 1 })
  t.equal(client.now, Date.now)
})
