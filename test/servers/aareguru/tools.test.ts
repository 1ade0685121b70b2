import { test } from 'tap'
import { createAareguru } from '../../../src/servers/aareguru/server.js'
import { ARGUMENTS, patchAare, setUp, TOOLS } from './helper.js'

const ATTRIBUTION = /https:\/\/aare\.guru.*BAFU, https:\/\/www\.hydrodaten\.admin\.ch/

test('there are seven tools, all read-only and with a schema of their output', async t => {
  const { client } = await setUp(t)
  const { tools } = await client.listTools()
  t.same(tools.map(({ name }) => name).sort(), TOOLS)
  for (const tool of tools) {
    t.equal(tool.annotations?.readOnlyHint, true, tool.name)
    t.equal(tool.outputSchema?.type, 'object', tool.name)
    t.match(tool.description, /Aare|city|cities/)
  }
})

test('every tool answers the same as text and as structure, with its sources', async t => {
  const { call } = await setUp(t)
  for (const name of TOOLS) {
    const { isError, text, data } = await call(name, ARGUMENTS[name])
    t.equal(isError, false, name)
    t.same(JSON.parse(text), data)
    t.match(data, { attribution: ATTRIBUTION, stale: false, age_seconds: 0 })
  }
})

test('nobody mistakes the simulated river for the river', async t => {
  const { call, river } = await setUp(t)
  for (const name of TOOLS) {
    t.match(await call(name, ARGUMENTS[name]), { text: /^\{"notice":"SIMULATED DATA/, data: { simulated: true } }, name)
  }
  river.patch = (_, payload) => JSON.parse(JSON.stringify(payload).replaceAll('"simulated":true', '"simulated":false')) as unknown
  t.match(await call('get_current_temperature', { city: 'thun' }), { data: { simulated: true } }, 'one simulated answer is enough')
})

test('data that no model made carry no notice', async t => {
  const { call, river } = await setUp(t)
  river.patch = (_, payload) => JSON.parse(JSON.stringify(payload).replaceAll(',"simulated":true', '').replaceAll('"simulated":true,', '')) as unknown
  for (const name of TOOLS) t.match((await call(name, ARGUMENTS[name])).data, { simulated: false, notice: null }, name)
})

test('get_current_temperature', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { temperature: 17.2, temperature_prec: 17.23, temperature_text: 'geil aber chli chalt', temperature_text_short: 'chli chalt', flow: 310 })
  t.match((await call('get_current_temperature')).data, {
    city: 'bern',
    name: 'Bärn',
    longname: 'Bern, Schönau',
    temperature: 17.2,
    temperature_prec: 17.23,
    temperature_text: 'geil aber chli chalt',
    temperature_text_short: 'chli chalt',
    swiss_german_explanation: 'awesome but a bit cold',
    warning: 'Danger: High - dangerous conditions (flow 310 m³/s)',
    suggestion: /^(?:Hagneck|Biu|Oute|Brugg) is warmer: /,
    seasonal_advice: /^Summer/,
    measured_at: '2025-07-15T09:50:00Z'
  })
  patchAare(river, { temperature_text: 'öppis', temperature_text_short: 'perfekt' })
  t.match((await call('get_current_temperature', { city: 'Thun' })).data, { city: 'thun', swiss_german_explanation: 'perfect' })
})

test('a place is not suggested instead of itself', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { temperature: 10 })
  t.match((await call('get_current_temperature', { city: 'bern' })).data, { suggestion: /^Biu is warmer/ })
  t.match((await call('get_current_temperature', { city: 'biel' })).data, { suggestion: /^Brugg is warmer/ })
})

test('a city without a temperature and without a name is no reason to fail', async t => {
  const { call, river } = await setUp(t)
  river.patch = url => url.pathname === '/v2018/cities'
    ? [{ city: 'bern' }, { city: 'thun', aare_prec: 19.56 }]
    : { aare: { temperature_prec: 12.34 } }
  t.match((await call('get_current_temperature')).data, { name: null, temperature: 12.34, temperature_text: null, warning: null, suggestion: /^thun is warmer: 19\.56 °C/, measured_at: null })
  t.match((await call('list_cities')).data, { cities: [{ city: 'bern', temperature: null }, { city: 'thun', temperature: 19.56 }], measured_at: null })
  t.match((await call('get_current_conditions')).data, { weather: { current: null, today: null }, forecast: [], aare: { danger_level: 0 } })
  t.match((await call('get_forecast')).data, { current: 12.34, forecast_2h: null, trend: 'unknown', temperature_change: null })
  t.match((await call('compare_cities')).data, { cities: [{ name: 'bern' }, { name: 'thun' }], safest: null, comparison_summary: /There are no flow data\.$/ })
})

test('get_current_conditions', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { flow: 229, flow_text: 'mega viu', height: 502.84, flow_gefahrenstufe: 1 })
  t.match((await call('get_current_conditions', { city: 'BÄRN' })).data, {
    city: 'bern',
    aare: {
      location: 'Bärn',
      location_long: 'Bern, Schönau',
      temperature: Number,
      temperature_text: /\(simulated\)$/,
      flow: 229,
      flow_text: 'mega viu',
      height: 502.84,
      forecast2h: Number,
      forecast2h_text: String,
      danger_level: 3,
      official_level: 1,
      safety_assessment: 'Elevated - caution advised',
      warning: /^Caution/
    },
    weather: { current: { tt: Number }, today: { v: { tt: Number } } },
    forecast: [{ day: String, tx: Number }],
    seasonal_advice: String
  })
})

test('get_flow_danger_level', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { flow: 90, flow_text: 'nid viu', flow_scale_threshold: null, flow_gefahrenstufe: 4 })
  t.match((await call('get_flow_danger_level')).data, {
    city: 'bern', flow: 90, flow_text: 'nid viu', flow_threshold: 220, danger_level: 4, official_level: 4, safety_assessment: 'High - dangerous conditions', warning: /official danger level 4/
  })
  patchAare(river, { flow: null, flow_gefahrenstufe: null })
  t.match((await call('get_flow_danger_level', { city: 'thun' })).data, { flow: null, danger_level: 0, official_level: null, safety_assessment: 'Unknown - no flow data', warning: null })
})

test('seed 16: a flow of exactly 430 is level 5 wherever it is told', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { flow: 430, flow_gefahrenstufe: 1 })
  const level = { danger_level: 5, safety_assessment: 'Very high - extremely dangerous, avoid swimming', warning: /^Extreme danger/ }
  t.match((await call('get_flow_danger_level')).data, level)
  t.match((await call('get_current_conditions')).data, { aare: level })
  t.match((await call('compare_cities', { cities: ['bern'] })).data, { cities: [level] })
  t.match((await call('get_current_temperature')).data, { warning: level.warning })
  t.match((await call('get_forecast')).data, { recommendation: /^Do not swim: Very high/ })
})

test('seed 16: 0.0 °C is a temperature', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { temperature: 0, temperature_prec: 0.04, forecast2h: 0, flow: 0 })
  t.match((await call('get_current_temperature')).data, { temperature: 0, suggestion: String })
  t.match((await call('get_forecast')).data, { current: 0, forecast_2h: 0, trend: 'stable', temperature_change: 0 })
  t.match((await call('get_flow_danger_level')).data, { flow: 0, danger_level: 1 })
  t.match((await call('compare_cities', { cities: ['bern'] })).data, { coldest: { temperature: 0 }, warmest: { temperature: 0 } })
})

test('seed 16: get_forecast has no `hours`, and refuses what it does not know', async t => {
  const { call, client } = await setUp(t)
  const { tools } = await client.listTools()
  t.same(Object.keys(tools.find(({ name }) => name === 'get_forecast')?.inputSchema.properties ?? {}), ['city'])
  t.match(await call('get_forecast', { hours: 6 }), { isError: true, text: /hours/ })
})

test('get_forecast', async t => {
  const { call, river } = await setUp(t)
  patchAare(river, { temperature: 17.9, forecast2h: 18.2, forecast2h_text: 'wird wermer', flow: 120, flow_gefahrenstufe: 1 })
  t.match((await call('get_forecast')).data, {
    city: 'bern', current: 17.9, forecast_2h: 18.2, forecast_text: 'wird wermer', trend: 'rising', temperature_change: 0.3, recommendation: /warmer/, seasonal_advice: /^Summer/
  })
})

test('list_cities', async t => {
  const { call, asked } = await setUp(t)
  const { data } = await call('list_cities', { random_string: 'some clients send something' })
  t.match(data, { cities: [{ city: 'brienz', name: 'Brienz', longname: 'Brienzwiler', coordinates: { lat: 46.75, lon: 8.09 }, temperature: Number }] })
  t.same((data.cities as { city: string }[]).map(({ city }) => city), ['brienz', 'interlaken', 'thun', 'bern', 'hagneck', 'biel', 'olten', 'brugg'])
  t.equal(asked('/'), 1)
})

test('by default the public API is asked, by the time of day', async t => {
  const { client, createServer } = createAareguru({ version: '1.0.0' })
  t.equal(client.now, Date.now)
  t.not(createServer(), createServer())
})
