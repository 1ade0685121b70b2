import { test } from 'tap'
import { MINUTE, readJson, setUp } from './helper.js'

const ATTRIBUTION = /https:\/\/aare\.guru.*BAFU, https:\/\/www\.hydrodaten\.admin\.ch/

test('seed 13: templates are listed as templates, and as nothing else', async t => {
  const { client } = await setUp(t)
  const { resources } = await client.listResources()
  t.same(resources.map(({ uri }) => uri), ['aareguru://cities', 'aareguru://widget', 'aareguru://safety-levels'])
  const { resourceTemplates } = await client.listResourceTemplates()
  t.same(resourceTemplates.map(({ uriTemplate }) => uriTemplate), ['aareguru://current/{city}', 'aareguru://today/{city}'])
  for (const { mimeType } of [...resources, ...resourceTemplates]) t.equal(mimeType, 'application/json')
})

test('seed 13: every resource can be read, and names its sources', async t => {
  const { client } = await setUp(t)
  const { resources } = await client.listResources()
  for (const uri of [...resources.map(({ uri }) => uri), 'aareguru://current/bern', 'aareguru://today/bern']) {
    const { contents } = await client.readResource({ uri })
    t.match(contents, [{ uri, mimeType: 'application/json' }])
    t.match(await readJson(client, uri), { attribution: ATTRIBUTION }, uri)
  }
})

test('what the resources hold', async t => {
  const { client } = await setUp(t)
  t.match(await readJson(client, 'aareguru://cities'), { simulated: true, notice: /^SIMULATED/, cities: [{ city: 'brienz' }] })
  t.match(await readJson(client, 'aareguru://widget'), { simulated: true, data: { values: { bern: { temperature: Number, flow: Number } }, cities: [{ key: 'brienz', name: 'Brienz' }] } })
  t.match(await readJson(client, 'aareguru://current/thun'), {
    simulated: true, city: 'thun', name: 'Thun', measured_at: '2025-07-15T09:50:00Z', data: { aare: { location: 'Thun', flow_scale: Array }, sun: Object }
  })
  t.match(await readJson(client, 'aareguru://today/thun'), { simulated: true, city: 'thun', measured_at: '2025-07-15T09:50:00Z', data: { aare: Number, text: String, name: 'Thun' } })
})

test('the danger levels are those of the table', async t => {
  const { client, asked } = await setUp(t)
  const { levels } = await readJson(client, 'aareguru://safety-levels') as { levels: { level: number, flow_below: unknown, assessment: string }[] }
  t.same(levels.map(({ level, flow_below: flowBelow }) => [level, flowBelow]), [
    [0, null], [1, 100], [2, 'the threshold of the city, 220 if it has none'], [3, 300], [4, 430], [5, null]
  ])
  t.equal(levels[5]?.assessment, 'Very high - extremely dangerous, avoid swimming')
  t.equal(asked('/'), 0)
})

test('a city in a URI is found as in a tool', async t => {
  const { client } = await setUp(t)
  t.match(await readJson(client, 'aareguru://current/B%C3%A4rn'), { city: 'bern' })
  t.match(await readJson(client, 'aareguru://today/BIEL'), { city: 'biel', data: { name: 'Biu' } })
})

test('seed 15: an unknown city in a URI is an error that lists the cities', async t => {
  const { client, asked } = await setUp(t)
  for (const city of ['zurich', '__proto__', '..%2Fcities', 'bern%00', '%20']) {
    for (const kind of ['current', 'today']) {
      await t.rejects(client.readResource({ uri: `aareguru://${kind}/${city}` }), { code: -32002, message: /Unknown city ".*"\. The cities are: brienz/ }, city)
    }
  }
  await t.rejects(client.readResource({ uri: 'aareguru://current/%ff' }), { code: -32602, message: /"%ff" is not the name of a city/ })
  t.equal(asked('/'), 1)
})

test('a URI that is no resource is an error', async t => {
  const { client } = await setUp(t)
  for (const uri of ['aareguru://nothing', 'aareguru://current/', 'aareguru://current/bern/thun', `aareguru://today/${'x'.repeat(3000)}`]) {
    await t.rejects(client.readResource({ uri }), Error, uri.slice(0, 40))
  }
})

test('an upstream that fails is an error, or a marked last answer', async t => {
  const { client, river, clock } = await setUp(t)
  await client.readResource({ uri: 'aareguru://widget' })
  river.fail = 'garbage'
  await t.rejects(client.readResource({ uri: 'aareguru://today/bern' }), { code: -32603, message: /\/v2018\/cities did not answer with JSON/ })
  clock.ms += 5 * MINUTE
  t.match(await readJson(client, 'aareguru://widget'), { stale: true, age_seconds: 300, notice: /5 minutes old/ })
})

test('the city of a template is completed', async t => {
  const { client, asked } = await setUp(t)
  const complete = async (value: string, uri = 'aareguru://current/{city}') =>
    (await client.complete({ ref: { type: 'ref/resource', uri }, argument: { name: 'city', value } })).completion.values
  t.same(await complete('b'), ['brienz', 'bern', 'biel', 'brugg'])
  t.same(await complete('BÄ'), ['bern'], 'by name as well')
  t.same(await complete('thu', 'aareguru://today/{city}'), ['thun'])
  t.same(await complete('zurich'), [])
  t.equal((await complete('')).length, 8)
  t.equal(asked('/'), 1)
})

test('a city without a name is completed by its key', async t => {
  const { client, river } = await setUp(t)
  river.patch = () => [{ city: 'bern' }]
  const complete = async (value: string) =>
    (await client.complete({ ref: { type: 'ref/resource', uri: 'aareguru://today/{city}' }, argument: { name: 'city', value } })).completion.values
  t.same(await complete('be'), ['bern'])
  t.same(await complete('bä'), [])
})
