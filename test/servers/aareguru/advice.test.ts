import { test } from 'tap'
import { difference, explainSwissGerman, extreme, recommendForecast, seasonalAdvice, seasonOf, suggestWarmer, trendOf } from '../../../src/servers/aareguru/advice.js'
import { assessDanger } from '../../../src/servers/aareguru/danger.js'

test('seasons go by the month', async t => {
  const seasons = Array.from({ length: 12 }, (_, month) => seasonOf(Date.UTC(2025, month, 15)))
  t.same(seasons, [
    'winter', 'winter', 'winter', 'spring', 'spring', 'summer', 'summer', 'summer', 'autumn', 'autumn', 'winter', 'winter'
  ])
})

test('the month is that of Europe/Zurich', async t => {
  t.equal(seasonOf(Date.UTC(2025, 4, 31, 21, 59)), 'spring')
  t.equal(seasonOf(Date.UTC(2025, 4, 31, 22)), 'summer', 'midnight in Zurich')
  t.equal(seasonOf(Date.UTC(2025, 9, 31, 23)), 'winter', 'midnight in Zurich, winter time')
  t.match(seasonalAdvice(Date.UTC(2025, 4, 31, 22)), /^Summer/)
})

test('phrases are explained, the longest that fits', async t => {
  t.equal(explainSwissGerman('geil aber chli chalt'), 'awesome but a bit cold')
  t.equal(explainSwissGerman('Chli chalt!'), 'a bit cold')
  t.equal(explainSwissGerman('SCHÖN WARM'.normalize('NFD')), 'nice and warm')
  t.equal(explainSwissGerman('arschkalt'), 'freezing cold')
  t.equal(explainSwissGerman('perfekt'), 'perfect')
  t.equal(explainSwissGerman('brrr'), 'very cold')
  t.equal(explainSwissGerman('Mit de Boumstäm schwümme'), null)
  t.equal(explainSwissGerman(null), null)
})

test('a change below 0.3 °C is stable', async t => {
  t.equal(trendOf(0.29), 'stable')
  t.equal(trendOf(-0.29), 'stable')
  t.equal(trendOf(difference(2, 2.3)), 'rising', 'in binary 2.3 - 2 is less than 0.3')
  t.equal(trendOf(difference(18.2, 17.9)), 'falling')
  t.equal(trendOf(null), 'unknown')
})

test('below 18 °C the warmest place is suggested if it is more than 1 °C warmer', async t => {
  const others = [{ name: 'Thun', temperature: 17.9 }, { name: 'Biel', temperature: 19 }, { name: 'Olten', temperature: null }]
  t.match(suggestWarmer(17.9, others), /^Biel is warmer: 19 °C, 1\.1 °C more/)
  t.equal(suggestWarmer(18, others), null, '18 °C is warm enough')
  t.equal(suggestWarmer(17.3, [{ name: 'Biel', temperature: 18.3 }]), null, 'exactly 1 °C is not more than 1 °C')
  t.equal(suggestWarmer(null, others), null)
  t.equal(suggestWarmer(10, []), null)
})

test('seed 16: 0.0 °C is a temperature', async t => {
  t.match(suggestWarmer(0, [{ name: 'Thun', temperature: 4 }]), /^Thun/)
  t.match(suggestWarmer(-0.5, [{ name: 'Thun', temperature: 1 }]), /^Thun/)
  t.match(extreme([{ name: 'Bern', temperature: 0 }, { name: 'Thun', temperature: 4 }], (a, b) => a < b), { name: 'Bern' })
  t.equal(extreme([{ name: 'Bern', temperature: null }], (a, b) => a < b), undefined)
})

test('a recommendation speaks of danger before warmth', async t => {
  const at = (flow: number | null) => assessDanger({ flow, threshold: null, official: null })
  t.match(recommendForecast(at(500), 'rising'), /^Do not swim/)
  t.match(recommendForecast(at(350), 'stable'), /^Do not swim/)
  t.match(recommendForecast(at(250), 'rising'), /^Only with great care/)
  t.match(recommendForecast(at(null), 'rising'), /no flow data/)
  t.match(recommendForecast(assessDanger({ flow: null, threshold: null, official: 2 }), 'rising'), /no flow data/)
  t.match(recommendForecast(at(50), 'rising'), /warmer/)
  t.match(recommendForecast(at(50), 'falling'), /go soon/)
  t.match(recommendForecast(at(50), 'stable'), /stays/)
  t.match(recommendForecast(at(50), 'unknown'), /no forecast/)
})
