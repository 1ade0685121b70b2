import { test } from 'tap'
import { resolvePeriod } from '../../../src/servers/aareguru/dates.js'

// Whatever the zone of the machine: a date without an offset is UTC.
process.env.TZ = 'Pacific/Auckland'

const NOW = Date.UTC(2025, 6, 15, 10)
const seconds = (...args: Parameters<typeof Date.UTC>) => Date.UTC(...args) / 1000

test('dates, unix seconds and relative dates become unix seconds', async t => {
  const starts: [said: string | number, meant: number][] = [
    ['2025-07-01', seconds(2025, 6, 1)],
    ['2025-07-01T12:30:00Z', seconds(2025, 6, 1, 12, 30)],
    ['2025-07-01T12:30:00.5+02:00', seconds(2025, 6, 1, 10, 30)],
    ['2025-07-01T12:30', seconds(2025, 6, 1, 12, 30)],
    [1_750_000_000, 1_750_000_000],
    [1_750_000_000.7, 1_750_000_000],
    ['1750000000', 1_750_000_000],
    ['-7 days', seconds(2025, 6, 8, 10)],
    [' -7 DAYS ', seconds(2025, 6, 8, 10)],
    ['7 days ago', seconds(2025, 6, 8, 10)],
    ['-1 week', seconds(2025, 6, 8, 10)],
    ['- 90 minutes', seconds(2025, 6, 15, 8, 30)],
    ['-3 hours', seconds(2025, 6, 15, 7)],
    ['-1 month', seconds(2025, 5, 15, 10)],
    ['1 year ago', seconds(2024, 6, 15, 10)]
  ]
  for (const [said, meant] of starts) t.equal(resolvePeriod(said, 'now', NOW).start, meant, String(said))
})

test('a month before the 31st is the last of the month', async t => {
  t.equal(resolvePeriod('-1 month', 'now', Date.UTC(2025, 2, 31)).start, seconds(2025, 1, 28))
})

test('relative dates fall on whole two minutes, so that calls in a row are one URL', async t => {
  const first = resolvePeriod('-1 days', 'now', NOW + 1000)
  t.same(resolvePeriod('-1 days', 'now', NOW + 119_000), first)
  t.equal(resolvePeriod('-1 days', 'now', NOW + 120_000).end, first.end + 120)
})

test('a period is at most 366 days long and ends after its start', async t => {
  t.equal(resolvePeriod('2024-01-01', '2025-01-01', NOW).end, seconds(2025, 0, 1), '366 days')
  t.throws(() => resolvePeriod('2024-01-01', '2025-01-01T00:00:01Z', NOW), { reason: 'BAD_ARGUMENT', message: /longer than 366 days/ })
  t.throws(() => resolvePeriod('now', '-7 days', NOW), { reason: 'BAD_ARGUMENT', message: /lies after end/ })
  t.throws(() => resolvePeriod('2025-07-01', '2025-07-01', NOW), { reason: 'BAD_ARGUMENT', message: /name the next day as end/ })
})

test('what is no date is refused with what would be one', async t => {
  const junk = ['', 'yesterday', '2025-02-30', '2025-13-01', '01.07.2025', '7 days', '+7 days', '-7 lightyears', '-7 __proto__', '-7 constructor',
    '-9999999 days', '2025-07-01T25:00', '../../etc', 'NaN', 'Infinity', '9'.repeat(40)]
  for (const said of junk) t.throws(() => resolvePeriod(said, 'now', NOW), { reason: 'BAD_ARGUMENT', message: /start .* is no date/ }, said)
  for (const said of [NaN, Infinity, -Infinity, 1e300]) t.throws(() => resolvePeriod('-1 days', said, NOW), { reason: 'BAD_ARGUMENT', message: /^end .* is no date/ })
})

test('absurd moments are refused', async t => {
  for (const said of [0, -1, 2025, '-5', '1999-12-31', '-999999 days', '-999999 years', '-900 months', NOW, '2025-07-17', '9999-12-31']) {
    t.throws(() => resolvePeriod(said, 'now', NOW), { reason: 'BAD_ARGUMENT', message: /lies before the year 2000 or in the future|is no date/ }, String(said))
  }
  t.equal(resolvePeriod('2025-07-15', '2025-07-16', NOW).end, seconds(2025, 6, 16), 'tomorrow closes today')
})

test('a hostile date is not repeated as it came', async t => {
  t.throws(() => resolvePeriod('\u001b[31m\u202egone\n', 'now', NOW), { message: /^start \("\[31m gone"\)/ })
})
