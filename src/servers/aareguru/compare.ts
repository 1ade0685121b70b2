import { extreme, seasonalAdvice } from './advice.js'
import { type AareguruClient } from './client.js'
import { AareguruError } from './errors.js'
import { type Answer } from './feed.js'
import { printable } from './names.js'
import { type ComparedCity, type Comparison } from './outputs.js'
import { moment, oldest, provenance } from './provenance.js'
import { dangerOf, temperatureOf } from './readings.js'
import { type City } from './schemas.js'

export interface CompareArguments {
  /** Keys or names of cities; none for all. */
  cities?: string[] | undefined
}

interface Compared {
  answer: Answer<unknown>
  /** When the water was measured, in unix seconds. */
  timestamp: number | null
  place: ComparedCity
  /** A level that swimming is thought of at: by a measured flow, below "caution". */
  safe: boolean
  measured: boolean
}

/**
 * Compares cities, all asked at once. One that fails is named in `errors`, and the others are compared.
 * @throws AareguruError the first failure if there is nothing to compare.
 */
export async function compareCities (client: AareguruClient, args: CompareArguments): Promise<Comparison> {
  const cities = await client.cities()
  const asked = args.cities === undefined || args.cities.length === 0 ? cities.data.map(({ city }) => city) : args.cities
  const names = [...new Map(asked.map(name => [printable(name), name])).values()]
  const outcomes = await Promise.all(names.map(async name => await read(client, name).catch((error: unknown) => ({ name, error }))))

  const compared = new Map<string, Compared>()
  const errors: Comparison['errors'] = []
  let failure = new AareguruError('BAD_ANSWER', 'There are no cities to compare at the moment')
  for (const outcome of outcomes) {
    if ('place' in outcome) {
      compared.set(outcome.place.city, outcome)
      continue
    }
    const { name, error } = outcome
    /* c8 ignore next -- read() throws nothing else, and a fault of ours must not pass for a city's */
    if (!(error instanceof AareguruError)) throw error
    if (errors.length === 0) failure = error
    errors.push({ city: printable(name), error: error.message })
  }
  if (compared.size === 0) throw failure

  const all = [...compared.values()]
  const places = all.map(({ place }) => place)
  const warmest = extreme(places, (a, b) => a > b) ?? null
  const coldest = extreme(places, (a, b) => a < b) ?? null
  const safest = safestOf(all)
  return {
    ...provenance(client.now(), [cities, ...all.map(({ answer }) => answer)], oldest(all.map(({ timestamp }) => timestamp))),
    cities: places,
    warmest,
    coldest,
    safest,
    comparison_summary: summarize(warmest, coldest, safest),
    recommendation: recommend(all),
    seasonal_advice: seasonalAdvice(client.now()),
    errors
  }
}

async function read (client: AareguruClient, name: string): Promise<Compared> {
  const { city } = await client.resolve(name)
  const answer = await client.current(city.city)
  const { aare } = answer.data
  const danger = dangerOf(answer.data)
  return {
    answer,
    timestamp: aare.timestamp,
    safe: danger.measured && danger.level <= 2,
    measured: danger.measured,
    place: {
      city: city.city,
      name: nameOf(city),
      temperature: temperatureOf(answer.data),
      temperature_text: aare.temperature_text,
      flow: aare.flow,
      flow_text: aare.flow_text,
      danger_level: danger.level,
      safety_assessment: danger.assessment,
      warning: danger.warning,
      measured_at: moment(aare.timestamp)
    }
  }
}

function nameOf ({ name, city }: City): string {
  return name ?? city
}

/** The lowest danger level, and among equals the lowest flow; a city whose flow is unknown is never the safest. */
function safestOf (all: readonly Compared[]): ComparedCity | null {
  const [safest] = all.filter(({ measured }) => measured).map(({ place }) => place)
    .sort((a, b) => a.danger_level - b.danger_level || Number(a.flow) - Number(b.flow))
  return safest ?? null
}

function summarize (warmest: ComparedCity | null, coldest: ComparedCity | null, safest: ComparedCity | null): string {
  const temperatures = warmest === null || coldest === null
    ? 'There are no temperatures.'
    : `Warmest: ${warmest.name} (${warmest.temperature} °C). Coldest: ${coldest.name} (${coldest.temperature} °C).`
  const safety = safest === null ? 'There are no flow data.' : `Safest: ${safest.name} (${safest.safety_assessment}, ${safest.flow} m³/s).`
  return `${temperatures} ${safety}`
}

function recommend (all: readonly Compared[]): string {
  const best = extreme(all.filter(({ safe }) => safe).map(({ place }) => place), (a, b) => a > b)
  if (best === undefined) return 'None of these places can be recommended: the flow is elevated, or there are no data.'
  return `${best.name}: with ${best.temperature} °C the warmest place whose flow is not elevated (${best.safety_assessment}).`
}
