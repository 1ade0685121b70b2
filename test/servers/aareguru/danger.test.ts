import { test } from 'tap'
import { assessDanger, DANGER_TABLE } from '../../../src/servers/aareguru/danger.js'

const levelOf = (flow: number | null, threshold: number | null = null, official: number | null = null) =>
  assessDanger({ flow, threshold, official }).level

test('the levels begin where the table says', async t => {
  const borders: [flow: number, level: number][] = [
    [0, 1], [99.9, 1], [100, 2], [219.9, 2], [220, 3], [299.9, 3], [300, 4], [429.9, 4], [430, 5], [2000, 5]
  ]
  for (const [flow, level] of borders) t.equal(levelOf(flow), level, `${flow} m³/s`)
})

test('seed 16: a flow of exactly 430 is level 5, in the text as well', async t => {
  t.match(assessDanger({ flow: 430, threshold: null, official: null }), {
    level: 5,
    assessment: 'Very high - extremely dangerous, avoid swimming',
    warning: /^Extreme danger: .*430 m³\/s/
  })
})

test('no flow is level 0, and no reason to call anything safe', async t => {
  t.same(assessDanger({ flow: null, threshold: null, official: null }), {
    level: 0, measured: false, assessment: 'Unknown - no flow data', warning: null, threshold: 220, official: null
  })
  t.equal(levelOf(-1), 0, 'a negative flow is a broken sensor')
  t.equal(assessDanger({ flow: null, threshold: null, official: 2 }).assessment, 'Unknown - no flow data', 'a low official level does not vouch for swimmers')
})

test('the city\'s threshold moves the border between 2 and 3, and no other', async t => {
  t.equal(levelOf(150, 140), 3)
  t.equal(levelOf(250, 280), 2)
  t.equal(levelOf(90, 80), 1)
  t.equal(levelOf(310, 500), 4, 'from 300 on the flow is high wherever it is')
  t.equal(levelOf(450, 500), 5)
  for (const none of [null, 0, -5]) t.equal(assessDanger({ flow: 1, threshold: none, official: null }).threshold, 220)
})

test('the official level wins when it is higher, and only then', async t => {
  t.match(assessDanger({ flow: 150, threshold: null, official: 4 }), {
    level: 4, assessment: 'High - dangerous conditions', official: 4, warning: 'Danger: High - dangerous conditions (official danger level 4, flow 150 m³/s)'
  })
  t.match(assessDanger({ flow: null, threshold: null, official: 3 }), { level: 3, assessment: 'Elevated - caution advised', warning: /^Caution: .*no flow data/ })
  t.match(assessDanger({ flow: 350, threshold: null, official: 1 }), { level: 4, official: 1, warning: /\(flow 350 m³\/s\)$/ })
  t.equal(levelOf(10, null, 2.5), 3, 'between two levels the higher one counts')
  t.equal(levelOf(10, null, 9), 5, 'there is nothing above 5')
  t.equal(levelOf(10, null, 0), 1)
})

test('levels 3, 4 and 5 carry a warning, the others none', async t => {
  const warned = [null, 50, 150, 250, 350, 450].map(flow => assessDanger({ flow, threshold: null, official: null }).warning?.split(':')[0] ?? null)
  t.same(warned, [null, null, null, 'Caution', 'Danger', 'Extreme danger'])
  t.same(DANGER_TABLE.map(({ level }) => level), [0, 1, 2, 3, 4, 5])
})
