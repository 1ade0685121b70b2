import { type Danger } from './danger.js'

export type Season = 'winter' | 'spring' | 'summer' | 'autumn'
export type Trend = 'rising' | 'falling' | 'stable' | 'unknown'

/** Below this many °C a warmer place is suggested. */
const COLD_BELOW = 18

/** The other place has to be warmer by more than this many °C. */
const WARMER_BY = 1

/** A smaller change of temperature than this, in °C, is none. */
const STABLE_BELOW = 0.3

const SEASONAL_ADVICE: Readonly<Record<Season, string>> = {
  winter: 'Winter: the water is near freezing. Swim only if you are used to cold water, briefly, and never alone.',
  spring: 'Spring: the air warms faster than the river, and melting snow makes it cold and strong. Keep it short and watch the flow.',
  summer: 'Summer: the season for swimming in the Aare. Thunderstorms raise the flow within hours, so look at it right before you go in.',
  autumn: 'Autumn: the water cools and the days get short. Go in at midday and have warm clothes ready.'
}

// A phrase that holds another one stands before it.
const PHRASES: readonly (readonly [phrase: string, meaning: string])[] = [
  ['geil aber chli chalt', 'awesome but a bit cold'],
  ['schön warm', 'nice and warm'],
  ['arschkalt', 'freezing cold'],
  ['perfekt', 'perfect'],
  ['chli chalt', 'a bit cold'],
  ['brrr', 'very cold']
]

const ZURICH_MONTH = new Intl.DateTimeFormat('en-US', { timeZone: 'Europe/Zurich', month: 'numeric' })

/** The season at a moment (milliseconds), by the month in Europe/Zurich. */
export function seasonOf (now: number): Season {
  const month = Number(ZURICH_MONTH.format(now))
  if (month <= 3 || month >= 11) return 'winter'
  if (month <= 5) return 'spring'
  return month <= 8 ? 'summer' : 'autumn'
}

export function seasonalAdvice (now: number): string {
  return SEASONAL_ADVICE[seasonOf(now)]
}

/** What a text in Bernese German means, or null if it holds no phrase that is known here. */
export function explainSwissGerman (text: string | null): string | null {
  const folded = text?.normalize('NFC').toLowerCase() ?? ''
  return PHRASES.find(([phrase]) => folded.includes(phrase))?.[1] ?? null
}

/** The difference of two temperatures in °C, without the noise of binary fractions. */
export function difference (from: number, to: number): number {
  return Math.round((to - from) * 100) / 100
}

export function trendOf (change: number | null): Trend {
  if (change === null) return 'unknown'
  if (Math.abs(change) < STABLE_BELOW) return 'stable'
  return change > 0 ? 'rising' : 'falling'
}

export interface Place {
  name: string
  /** °C, or null if there is no value. */
  temperature: number | null
}

/** Names the warmest other place if this one is cold and that one more than 1 °C warmer, else null. */
export function suggestWarmer (temperature: number | null, others: readonly Place[]): string | null {
  if (temperature === null || temperature >= COLD_BELOW) return null
  const warmest = extreme(others, (a, b) => a > b)
  if (warmest === undefined) return null
  const by = difference(temperature, warmest.temperature)
  return by > WARMER_BY ? `${warmest.name} is warmer: ${warmest.temperature} °C, ${by} °C more. Check the flow there first.` : null
}

/** The place whose temperature wins against all others by `wins`; places without a temperature do not compete. */
export function extreme<T extends Place> (places: readonly T[], wins: (a: number, b: number) => boolean): (T & { temperature: number }) | undefined {
  let best: (T & { temperature: number }) | undefined
  for (const place of places) {
    const { temperature } = place
    if (temperature !== null && (best === undefined || wins(temperature, best.temperature))) best = { ...place, temperature }
  }
  return best
}

/** What to do with a forecast: danger comes before warmth. */
export function recommendForecast (danger: Danger, trend: Trend): string {
  if (danger.level >= 4) return `Do not swim: ${danger.assessment}.`
  if (danger.level === 3) return `Only with great care and experience, better not at all: ${danger.assessment}.`
  if (!danger.measured) return 'There is no flow data: do not go in before you have looked at the river and the official levels.'
  switch (trend) {
    case 'rising': return 'The water is getting warmer: waiting up to two hours pays off.'
    case 'falling': return 'The water is getting colder: go soon.'
    case 'stable': return 'The temperature stays as it is for two hours: go when it suits you.'
    case 'unknown': return 'There is no forecast of the temperature.'
  }
}
