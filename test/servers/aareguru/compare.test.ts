import { test } from 'tap'
import { MINUTE, patchAare, setUp } from './helper.js'

test('compare_cities compares all, or those that are named', async t => {
  const { call } = await setUp(t)
  const all = await call('compare_cities')
  t.equal((all.data.cities as unknown[]).length, 8)
  t.match(all.data, {
    warmest: { city: 'biel' },
    coldest: { city: 'brienz' },
    safest: { city: 'brienz', danger_level: 1 },
    comparison_summary: /^Warmest: Biu \(.* °C\)\. Coldest: Brienz \(.* °C\)\. Safest: Brienz \(Safe - low flow, .* m³\/s\)\.$/,
    seasonal_advice: /^Summer/
  })
  t.same(all.data.errors, [])
  t.same((await call('compare_cities', { cities: [] })).data, all.data)
  const some = await call('compare_cities', { cities: ['thun', 'Bärn', 'BERN', 'bern'] })
  t.same((some.data.cities as { city: string }[]).map(({ city }) => city), ['thun', 'bern'], 'each city once')
})

test('compare_cities recommends the warmest place whose flow is not elevated', async t => {
  const { call, river, clock } = await setUp(t)
  const compare = async () => {
    clock.ms += 3 * MINUTE
    return (await call('compare_cities', { cities: ['bern', 'thun', 'biel'] })).data
  }
  patchAare(river, { flow: 90, flow_gefahrenstufe: 1 })
  t.match(await compare(), { recommendation: /^Biu: with .* \(Safe - low flow\)/ })
  patchAare(river, { flow: 250, flow_gefahrenstufe: 1, flow_scale_threshold: 200 })
  t.match(await compare(), { recommendation: /^None of these places/, safest: { danger_level: 3 } })
  patchAare(river, { flow: null, flow_gefahrenstufe: 1 })
  t.match(await compare(), { recommendation: /^None of these places/, safest: null }, 'an unknown flow is not safe')
  patchAare(river, { flow: null, temperature: null, temperature_prec: null })
  t.match(await compare(), { warmest: null, coldest: null, comparison_summary: 'There are no temperatures. There are no flow data.' })
  patchAare(river, { flow: 350, flow_gefahrenstufe: 1 }, 'biel')
  t.match(await compare(), { warmest: { city: 'biel' }, recommendation: /^(?:Bärn|Thun)/ })
})

test('compare_cities names those that failed and compares the others', async t => {
  const { call, river } = await setUp(t)
  river.patch = (url, payload) => url.pathname === '/v2018/current' && url.searchParams.get('city') === 'thun' ? 'no river' : payload
  t.match((await call('compare_cities', { cities: ['zurich', 'bern', 'thun'] })).data, {
    cities: [{ city: 'bern' }],
    errors: [{ city: 'zurich', error: /^Unknown city "zurich"/ }, { city: 'thun', error: /\/v2018\/current answered in an unexpected shape/ }]
  })
  t.match(await call('compare_cities', { cities: ['zurich', 'basel'] }), { isError: true, text: /^Unknown city "zurich"/ }, 'nothing to compare is an error')
})

test('compare_cities without any city is an error', async t => {
  const { call, river } = await setUp(t)
  river.patch = () => []
  t.match(await call('compare_cities'), { isError: true, text: /no cities to compare/ })
})
