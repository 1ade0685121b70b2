import { test } from 'tap'
import { ARGUMENTS, callTool, MINUTE, patchAare, setUp, SUMMER, TOOLS } from './helper.js'

test('seed 13: a failure of a tool is an error, with a text that says what failed', async t => {
  const { call, river } = await setUp(t)
  river.fail = 'status'
  for (const name of TOOLS) {
    const outcome = await call(name, ARGUMENTS[name])
    t.match(outcome, { isError: true, text: /^127\.0\.0\.1:\d+\/v2018\/cities answered with HTTP 503$/ }, name)
    t.same(outcome.data, {}, 'and no data')
  }
})

test('seed 14: all sessions share one cache and one request, and a call never waits for its turn', async t => {
  const { client, connect, asked } = await setUp(t)
  const second = await connect()
  const started = performance.now()
  await Promise.all([client, second, client, second].map(async session => await callTool(session, 'get_current_temperature')))
  await callTool(await connect(), 'get_forecast')
  t.equal(asked('/v2018/current'), 1)
  t.equal(asked('/v2018/cities'), 1)
  await callTool(client, 'get_current_temperature', { city: 'thun' })
  t.equal(asked('/v2018/current'), 2)
  t.ok(performance.now() - started < 2000)
})

test('seed 14: while upstream fails, a tool answers with the last good answer and says how old it is', async t => {
  const { call, clock, river } = await setUp(t)
  const before = await call('get_current_temperature')
  river.fail = 'cut'
  clock.ms += 12 * MINUTE
  t.match(await call('get_current_temperature'), {
    isError: false,
    data: { temperature: before.data.temperature, stale: true, age_seconds: 720, notice: /The source could not be reached: this is its last answer, 12 minutes old\./ }
  })
  clock.ms += 49 * MINUTE
  t.match(await call('get_current_temperature'), { isError: true, text: /could not be reached/ })
})

test('a measurement of hours ago is no measurement of now', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { timestamp: SUMMER / 1000 - 3 * 3600 })
  t.match((await call('get_flow_danger_level')).data, { notice: /The water was last measured 180 minutes ago\./, measured_at: '2025-07-15T07:00:00Z' })
  patchAare(river, { timestamp: 1e300 })
  t.match((await call('get_flow_danger_level', { city: 'thun' })).data, { measured_at: null })
})

test('seed 15: an unknown city gets no data, least of all Bern\'s', async t => {
  const { call, asked } = await setUp(t)
  for (const name of TOOLS.filter(name => name !== 'list_cities' && name !== 'compare_cities')) {
    const outcome = await call(name, { ...ARGUMENTS[name], city: 'zurich' })
    t.match(outcome, { isError: true, text: /^Unknown city "zurich"\. The cities are: brienz \(Brienz\), .*, brugg \(Brugg\)$/ }, name)
    t.same(outcome.data, {}, 'and no data')
  }
  t.match(await call('compare_cities', { cities: ['zurich'] }), { isError: true })
  t.equal(asked('/'), asked('/v2018/cities'))
})

test('hostile arguments are refused', async t => {
  const { call, asked } = await setUp(t)
  const hostile: [name: string, args: Record<string, unknown>][] = [
    ['get_current_temperature', { city: 'x'.repeat(101) }],
    ['get_current_temperature', { city: 7 }],
    ['get_current_temperature', { city: ['bern'] }],
    ['get_current_temperature', { city: '__proto__' }],
    ['get_current_temperature', { city: '../history' }],
    ['get_current_temperature', { city: 'bern\u0000' }],
    ['get_current_temperature', { city: 'bern&app=evil' }],
    ['get_forecast', { city: null }],
    ['compare_cities', { cities: Array.from({ length: 31 }, () => 'bern') }],
    ['compare_cities', { cities: ['x'.repeat(101)] }],
    ['compare_cities', { cities: 'bern' }],
    ['get_historical_data', { start: '-1 days', end: 'now' }],
    ['__proto__', {}]
  ]
  for (const [name, args] of hostile) {
    const { isError, text } = await call(name, args)
    t.equal(isError, true, JSON.stringify(args).slice(0, 60))
    t.ok(text.length < 500, 'and the error is short')
    t.notMatch(text, '\u0000')
  }
  t.equal(asked('/'), asked('/v2018/cities'))
})

test('seed 13: a client sees the version of the package, not that of the SDK', async t => {
  const { client, aareguru } = await setUp(t)
  t.same(client.getServerVersion(), { name: 'aareguru-mcp', version: '9.8.7' })
  t.same(aareguru.serverInfo, { name: 'aareguru-mcp', version: '9.8.7' })
  t.match(client.getInstructions(), /danger level/)
})
