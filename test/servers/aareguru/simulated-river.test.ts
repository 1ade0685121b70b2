import { test, type Test } from 'tap'
import { type SimulatedRiverOptions, startSimulatedRiver } from '../../../examples/simulated-river.js'
import { SUMMER } from './helper.js'

async function start (t: Test, options: SimulatedRiverOptions = {}) {
  const river = await startSimulatedRiver({ now: () => SUMMER, ...options })
  t.teardown(() => river.close())
  const get = async (path: string): Promise<unknown> => await (await fetch(`${river.url}${path}`)).json()
  return { river, get }
}

const PATHS = ['/v2018/cities', '/v2018/today?city=bern', '/v2018/current?city=bern', '/v2018/widget', '/v2018/history?city=bern&start=1752000000&end=1752003600']

test('every payload says that it is simulated', async t => {
  const { get } = await start(t)
  for (const path of PATHS) {
    const payload = await get(path)
    for (const part of Array.isArray(payload) ? payload : [payload]) t.match(part, { simulated: true }, path)
  }
  t.match(await get('/v2018/current'), { aare: { temperature_text: /\(simulated\)/, flow_text: /\(simulated\)/ }, notification: { text: /^SIMULATED/ } })
})

test('the same moment, city and seed give the same river, another seed another one', async t => {
  const first = await start(t)
  const second = await start(t)
  const third = await start(t, { seed: 2 })
  for (const path of PATHS) {
    t.same(await first.get(path), await second.get(path), path)
    t.notSame(await first.get(path), await third.get(path), path)
  }
})

test('it is warmer in summer than in winter, and nothing is below zero', async t => {
  const summer = await start(t)
  const winter = await start(t, { now: () => Date.UTC(2025, 0, 20, 5) })
  const warm = await summer.get('/v2018/today?city=bern') as { aare: number }
  const cold = await winter.get('/v2018/today?city=bern') as { aare: number }
  t.ok(warm.aare > 16 && warm.aare < 24, String(warm.aare))
  t.ok(cold.aare >= 0 && cold.aare < 7, String(cold.aare))
})

test('on a summer\'s day the water warms and cools', async t => {
  const clock = { ms: 0 }
  const { get } = await start(t, { now: () => clock.ms })
  const texts = new Set<string>()
  for (let hour = 0; hour < 24; hour++) {
    clock.ms = SUMMER + hour * 3_600_000
    const { aare } = await get('/v2018/current?city=bern') as { aare: { forecast2h_text: string } }
    texts.add(aare.forecast2h_text)
  }
  t.same([...texts].sort(), ['blibt öppe glich (simulated)', 'wird cheuter (simulated)', 'wird wermer (simulated)'])
})

test('it has upstream\'s fault: an unknown city gets Bern\'s data', async t => {
  const { get } = await start(t)
  t.same(await get('/v2018/today?city=zurich'), await get('/v2018/today?city=bern'))
})

test('an unknown path and an absurd period are errors', async t => {
  const { river, get } = await start(t)
  t.equal((await fetch(`${river.url}/v2018/nothing`)).status, 404)
  t.match(await get('/v2018/history?city=bern&start=0&end=1752003600'), { status: 'error' })
  t.match(await get('/v2018/history?city=bern&start=-7+days&end=now'), { status: 'error' })
})

test('the log of requests is bounded', async t => {
  const { river } = await start(t)
  river.requests.push(...Array.from({ length: 1000 }, () => '/old'))
  await fetch(`${river.url}/v2018/nothing?last`)
  t.equal(river.requests.length, 1000)
  t.equal(river.requests.at(-1), '/v2018/nothing?last')
})

test('by default it is the river of this moment', async t => {
  const river = await startSimulatedRiver()
  t.teardown(() => river.close())
  const { time } = await (await fetch(`${river.url}/v2018/today`)).json() as { time: number }
  const age = Date.now() / 1000 - time
  t.ok(age >= 600 && age < 1260, 'ten to twenty minutes old, as upstream\'s data')
})
