import * as z from 'zod'
import { provenanceShape } from './provenance.js'

// What the tools answer: these constants are the tools' `outputSchema` and the types of the functions that answer.
const text = z.string().nullable()
const celsius = z.number().nullable().describe('°C')
const flow = z.number().nullable().describe('m³/s')
const dangerLevel = z.number().describe('0 unknown, 1 safe to 5 extremely dangerous')
const officialLevel = z.number().nullable().describe('The official danger level of BAFU, 1 to 5')
const warning = text.describe('Set for the danger levels 3, 4 and 5: pass it on to the user')
const seasonalAdvice = z.string()
const anything = z.record(z.string(), z.unknown())

export const TemperatureOutput = z.object({
  ...provenanceShape,
  city: z.string(),
  name: text,
  longname: text,
  temperature: celsius,
  temperature_prec: celsius,
  temperature_text: text.describe('In Bernese German'),
  temperature_text_short: text,
  swiss_german_explanation: text.describe('The text in English, where it is a known phrase'),
  warning,
  suggestion: text.describe('A warmer place, where this one is cold'),
  seasonal_advice: seasonalAdvice
})

export const ConditionsOutput = z.object({
  ...provenanceShape,
  city: z.string(),
  aare: z.object({
    location: text,
    location_long: text,
    temperature: celsius,
    temperature_prec: celsius,
    temperature_text: text,
    temperature_text_short: text,
    swiss_german_explanation: text,
    flow,
    flow_text: text,
    height: z.number().nullable().describe('Metres above sea level'),
    forecast2h: celsius,
    forecast2h_text: text,
    danger_level: dangerLevel,
    official_level: officialLevel,
    safety_assessment: z.string(),
    warning
  }),
  weather: z.object({ current: anything.nullable(), today: anything.nullable() }),
  forecast: z.array(anything),
  seasonal_advice: seasonalAdvice
})

export const DangerOutput = z.object({
  ...provenanceShape,
  city: z.string(),
  flow,
  flow_text: text,
  flow_threshold: z.number().describe('m³/s from which the flow is elevated here'),
  safety_assessment: z.string(),
  danger_level: dangerLevel,
  official_level: officialLevel,
  warning
})

export const ForecastOutput = z.object({
  ...provenanceShape,
  city: z.string(),
  current: celsius,
  forecast_2h: celsius.describe('°C in two hours'),
  forecast_text: text,
  trend: z.enum(['rising', 'falling', 'stable', 'unknown']),
  temperature_change: z.number().nullable().describe('°C within two hours'),
  recommendation: z.string(),
  seasonal_advice: seasonalAdvice
})

export const CitiesOutput = z.object({
  ...provenanceShape,
  cities: z.array(z.object({
    city: z.string(),
    name: text,
    longname: text,
    coordinates: z.object({ lat: z.number().nullable(), lon: z.number().nullable() }).nullable(),
    temperature: celsius
  }))
})

const ComparedCityOutput = z.object({
  city: z.string(),
  name: z.string(),
  temperature: celsius,
  temperature_text: text,
  flow,
  flow_text: text,
  danger_level: dangerLevel,
  safety_assessment: z.string(),
  warning,
  measured_at: z.string().nullable()
})

export const ComparisonOutput = z.object({
  ...provenanceShape,
  cities: z.array(ComparedCityOutput),
  warmest: ComparedCityOutput.nullable(),
  coldest: ComparedCityOutput.nullable(),
  safest: ComparedCityOutput.nullable(),
  comparison_summary: z.string(),
  recommendation: z.string(),
  seasonal_advice: seasonalAdvice,
  errors: z.array(z.object({ city: z.string(), error: z.string() }))
})

export const HistoryOutput = z.object({
  ...provenanceShape,
  city: z.string(),
  name: text,
  start: z.string(),
  end: z.string(),
  data: z.record(z.string(), z.array(z.array(z.number().nullable()).length(2))).describe('Series of [unix seconds, value]: temperature in °C, flow in m³/s'),
  summary: z.record(z.string(), z.object({
    count: z.number(), min: z.number().nullable(), max: z.number().nullable(), mean: z.number().nullable(), first: z.number().nullable(), last: z.number().nullable()
  })).describe('Of all values, also of those that were left out'),
  every_nth: z.number().describe('1 if data holds every value; n if it is a long period of which only every nth is shown')
})

export type Comparison = z.output<typeof ComparisonOutput>
export type ComparedCity = z.output<typeof ComparedCityOutput>
export type History = z.output<typeof HistoryOutput>
