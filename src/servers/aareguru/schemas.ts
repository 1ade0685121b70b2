import * as z from 'zod'

// The shapes of https://aareguru.existenz.ch, as far as they are used here: any value may be null or missing, and what
// is not named here passes through.
const text = z.string().nullable().default(null)
const number = z.number().nullable().default(null)
const anything = object(z.record(z.string(), z.unknown())).nullable().default(null)

/** Upstream is written in PHP, where an empty object may come out as `[]`. */
function object<T extends z.ZodType> (schema: T) {
  return z.preprocess(value => Array.isArray(value) && value.length === 0 ? {} : value, schema)
}

const CoordinatesSchema = z.object({ lat: number, lon: number }).nullable().default(null)

const CityOrNamelessSchema = z.looseObject({
  city: text,
  name: text,
  longname: text,
  coordinates: CoordinatesSchema,
  aare: number,
  aare_prec: number,
  time: number
})

/** `GET /v2018/cities`. A city without a key can't be asked for: it is left out. */
export const CitiesSchema = z.array(CityOrNamelessSchema).transform(cities => cities.flatMap(({ city, ...rest }) => city === null ? [] : [{ ...rest, city }]))

/** `GET /v2018/today`. */
export const TodaySchema = z.looseObject({ aare: number, aare_prec: number, text, text_short: text, time: number, name: text, longname: text })

const RiverSchema = z.looseObject({
  location: text,
  location_long: text,
  timestamp: number,
  temperature: number,
  temperature_prec: number,
  temperature_text: text,
  temperature_text_short: text,
  flow: number,
  flow_text: text,
  flow_gefahrenstufe: number,
  flow_scale_threshold: number,
  forecast2h: number,
  forecast2h_text: text,
  height: number
})

const WeatherSchema = z.looseObject({
  current: anything,
  today: anything,
  forecast: z.array(z.record(z.string(), z.unknown())).nullable().default(null)
})

/** `GET /v2018/current`. */
export const CurrentSchema = z.looseObject({
  aare: RiverSchema.nullable().default(null).transform(river => river ?? RiverSchema.parse({})),
  weather: WeatherSchema.nullable().default(null).transform(weather => weather ?? WeatherSchema.parse({}))
})

/** `GET /v2018/widget`. */
export const WidgetSchema = z.looseObject({ values: object(z.record(z.string(), anything)), cities: z.array(z.looseObject({ key: text, name: text })).nullable().default(null) })

/** `GET /v2018/history`: series of pairs, unix seconds and value. */
export const HistorySchema = z.looseObject({ data: object(z.record(z.string(), z.array(z.tuple([z.number(), z.number().nullable()])))) })

export type City = z.output<typeof CitiesSchema>[number]
export type Current = z.output<typeof CurrentSchema>
export type Series = z.output<typeof HistorySchema>['data'][string]
