import { type AareguruClient } from './client.js'
import { iso, resolvePeriod } from './dates.js'
import { type History } from './outputs.js'
import { provenance } from './provenance.js'
import { type Series } from './schemas.js'

/** Points in one result, over all series: a result goes over the wire as text and as structure, and into a model's context. */
const MAX_POINTS = 10_000

export interface HistoryArguments {
  city: string
  /** ISO date, unix seconds, `-7 days` or `now`. */
  start: string | number
  /** As `start`. */
  end: string | number
}

/** Past values of a city. A long period is thinned out evenly, and the result says so; its summary is of all values. */
export async function historicalData (client: AareguruClient, args: HistoryArguments): Promise<History> {
  const { start, end } = resolvePeriod(args.start, args.end, client.now())
  const { city, cities } = await client.resolve(args.city)
  const history = await client.history(city.city, start, end)
  const series = Object.entries(history.data.data)
  const everyNth = Math.max(1, Math.ceil(series.reduce((sum, [, points]) => sum + points.length, 0) / MAX_POINTS))
  return {
    ...provenance(client.now(), [cities, history]),
    city: city.city,
    name: city.name,
    start: iso(start),
    end: iso(end),
    data: Object.fromEntries(series.map(([name, points]) => [name, points.filter((_, index) => index % everyNth === 0)])),
    summary: Object.fromEntries(series.map(([name, points]) => [name, summarize(points)])),
    every_nth: everyNth
  }
}

function summarize (points: Series): History['summary'][string] {
  let count = 0
  let sum = 0
  let min = Infinity
  let max = -Infinity
  let first: number | null = null
  let last: number | null = null
  for (const [, value] of points) {
    if (value === null) continue
    count++
    sum += value
    min = Math.min(min, value)
    max = Math.max(max, value)
    first ??= value
    last = value
  }
  if (count === 0) return { count, min: null, max: null, mean: null, first, last }
  return { count, min, max, mean: Math.round(sum / count * 100) / 100, first, last }
}
