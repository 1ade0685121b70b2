import { test } from 'tap'
import { setUp, SUMMER } from './helper.js'

test('get_historical_data sends unix seconds and sums up what came', async t => {
  const { call, river } = await setUp(t)
  const { data } = await call('get_historical_data', { city: 'bern', start: '-7 days', end: 'now' })
  const end = SUMMER / 1000
  t.ok(river.requests.some(url => url.startsWith(`/v2018/history?city=bern&start=${end - 7 * 86_400}&end=${end}&`)))
  t.match(data, { city: 'bern', name: 'Bärn', start: '2025-07-08T10:00:00Z', end: '2025-07-15T10:00:00Z', every_nth: 1 })
  const { temperature, flow } = data.data as Record<string, [number, number][]>
  t.equal(temperature?.length, 7 * 144 + 1)
  t.equal(flow?.length, 7 * 144 + 1)
  const values = temperature?.map(([, value]) => value) ?? []
  t.match(data.summary, { temperature: { count: values.length, min: Math.min(...values), max: Math.max(...values), first: values[0], last: values.at(-1) } })
})

test('get_historical_data shows every nth value of a long period, says so, and sums up all', async t => {
  const { call } = await setUp(t)
  const { data, text } = await call('get_historical_data', { city: 'bern', start: '-366 days', end: 'now' })
  const points = 366 * 144 + 1
  t.match(data, { every_nth: 11, summary: { temperature: { count: points }, flow: { count: points } } })
  t.equal((data.data as Record<string, unknown[]>).flow?.length, Math.ceil(points / 11))
  t.ok(text.length < 250_000)
})

test('get_historical_data: a series may have holes or no values', async t => {
  const { call, river } = await setUp(t)
  river.patch = (url, payload) => url.pathname === '/v2018/history' ? { data: { temperature: [[1, null], [2, 0], [3, 1]], height: [[1, null]], flow: [] } } : payload
  t.match((await call('get_historical_data', { city: 'bern', start: '-1 days', end: 'now' })).data, {
    data: { temperature: [[1, null], [2, 0], [3, 1]], height: [[1, null]], flow: [] },
    summary: {
      temperature: { count: 2, min: 0, max: 1, mean: 0.5, first: 0, last: 1 },
      height: { count: 0, min: null, max: null, mean: null, first: null, last: null }
    }
  })
})

test('get_historical_data: what is no period is a clear error, and upstream is not asked', async t => {
  const { call, asked } = await setUp(t)
  const wrong: [start: unknown, end: unknown, message: RegExp][] = [
    ['-400 days', 'now', /longer than 366 days/],
    ['now', '-7 days', /lies after end/],
    ['soon', 'now', /start \("soon"\) is no date/],
    [1e300, 'now', /is no date/],
    [SUMMER, 'now', /unix seconds, not milliseconds/],
    [null, 'now', /start/],
    ['9'.repeat(41), 'now', /start/]
  ]
  for (const [start, end, message] of wrong) {
    t.match(await call('get_historical_data', { city: 'bern', start, end }), { isError: true, text: message })
  }
  t.equal(asked('/'), 0)
})
