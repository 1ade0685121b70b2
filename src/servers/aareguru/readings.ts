import type * as z from 'zod'
import { difference, explainSwissGerman, type Place, recommendForecast, seasonalAdvice, suggestWarmer, trendOf } from './advice.js'
import { type AareguruClient } from './client.js'
import { assessDanger, type Danger } from './danger.js'
import { type CitiesOutput, type ConditionsOutput, type DangerOutput, type ForecastOutput, type TemperatureOutput } from './outputs.js'
import { oldest, provenance } from './provenance.js'
import { type City, type Current } from './schemas.js'

/** What the tools that look at one city are asked with. */
export interface CityArguments {
  city: string
}

export async function currentTemperature (client: AareguruClient, args: CityArguments): Promise<z.output<typeof TemperatureOutput>> {
  const { city, cities } = await client.resolve(args.city)
  const current = await client.current(city.city)
  const { aare } = current.data
  const temperature = temperatureOf(current.data)
  const others = cities.data.filter(other => other.city !== city.city).map(placeOf)
  return {
    ...provenance(client.now(), [cities, current], aare.timestamp),
    city: city.city,
    name: city.name,
    longname: city.longname,
    temperature,
    temperature_prec: aare.temperature_prec,
    temperature_text: aare.temperature_text,
    temperature_text_short: aare.temperature_text_short,
    swiss_german_explanation: explainSwissGerman(aare.temperature_text) ?? explainSwissGerman(aare.temperature_text_short),
    warning: dangerOf(current.data).warning,
    suggestion: suggestWarmer(temperature, others),
    seasonal_advice: seasonalAdvice(client.now())
  }
}

export async function currentConditions (client: AareguruClient, args: CityArguments): Promise<z.output<typeof ConditionsOutput>> {
  const { city, cities } = await client.resolve(args.city)
  const current = await client.current(city.city)
  const { aare, weather } = current.data
  const danger = dangerOf(current.data)
  return {
    ...provenance(client.now(), [cities, current], aare.timestamp),
    city: city.city,
    aare: {
      location: aare.location,
      location_long: aare.location_long,
      temperature: temperatureOf(current.data),
      temperature_prec: aare.temperature_prec,
      temperature_text: aare.temperature_text,
      temperature_text_short: aare.temperature_text_short,
      swiss_german_explanation: explainSwissGerman(aare.temperature_text),
      flow: aare.flow,
      flow_text: aare.flow_text,
      height: aare.height,
      forecast2h: aare.forecast2h,
      forecast2h_text: aare.forecast2h_text,
      danger_level: danger.level,
      official_level: danger.official,
      safety_assessment: danger.assessment,
      warning: danger.warning
    },
    weather: { current: weather.current, today: weather.today },
    forecast: weather.forecast ?? [],
    seasonal_advice: seasonalAdvice(client.now())
  }
}

export async function flowDangerLevel (client: AareguruClient, args: CityArguments): Promise<z.output<typeof DangerOutput>> {
  const { city, cities } = await client.resolve(args.city)
  const current = await client.current(city.city)
  const { aare } = current.data
  const danger = dangerOf(current.data)
  return {
    ...provenance(client.now(), [cities, current], aare.timestamp),
    city: city.city,
    flow: aare.flow,
    flow_text: aare.flow_text,
    flow_threshold: danger.threshold,
    safety_assessment: danger.assessment,
    danger_level: danger.level,
    official_level: danger.official,
    warning: danger.warning
  }
}

export async function forecast (client: AareguruClient, args: CityArguments): Promise<z.output<typeof ForecastOutput>> {
  const { city, cities } = await client.resolve(args.city)
  const current = await client.current(city.city)
  const { aare } = current.data
  const temperature = temperatureOf(current.data)
  const change = temperature === null || aare.forecast2h === null ? null : difference(temperature, aare.forecast2h)
  const trend = trendOf(change)
  return {
    ...provenance(client.now(), [cities, current], aare.timestamp),
    city: city.city,
    current: temperature,
    forecast_2h: aare.forecast2h,
    forecast_text: aare.forecast2h_text,
    trend,
    temperature_change: change,
    recommendation: recommendForecast(dangerOf(current.data), trend),
    seasonal_advice: seasonalAdvice(client.now())
  }
}

export async function listCities (client: AareguruClient): Promise<z.output<typeof CitiesOutput>> {
  const cities = await client.cities()
  return {
    ...provenance(client.now(), [cities], oldest(cities.data.map(({ time }) => time))),
    cities: cities.data.map(city => ({
      city: city.city,
      name: city.name,
      longname: city.longname,
      coordinates: city.coordinates,
      temperature: placeOf(city).temperature
    }))
  }
}

/** The temperature in °C, exact where the rounded one is missing: 0 is a temperature, null is none. */
export function temperatureOf ({ aare }: Current): number | null {
  return aare.temperature ?? aare.temperature_prec
}

export function dangerOf ({ aare }: Current): Danger {
  return assessDanger({ flow: aare.flow, threshold: aare.flow_scale_threshold, official: aare.flow_gefahrenstufe })
}

function placeOf (city: City): Place {
  return { name: city.name ?? city.city, temperature: city.aare ?? city.aare_prec }
}
