import * as z from 'zod'
import { iso } from './dates.js'
import { type Answer } from './feed.js'

/** Where the data come from; the API asks its users to say so. */
export const ATTRIBUTION = 'Data: aare.guru, https://aare.guru (non-commercial use); measurements: BAFU, https://www.hydrodaten.admin.ch'

const SIMULATED = 'SIMULATED DATA: this comes from a model for demonstrations and tests, not from the river. Never decide about swimming by it.'

/** A measurement older than so many seconds is worth a word: upstream's are 10 to 20 minutes old. */
const OLD_MEASUREMENT_SECONDS = 3600

/** What every result says about itself, beside its data. */
export const provenanceShape = {
  notice: z.string().nullable().describe('What has to be told to the user about these data, if anything'),
  simulated: z.boolean().describe('True if the data come from a model, not from the river'),
  stale: z.boolean().describe('True if aare.guru could not be reached and this is its last good answer'),
  age_seconds: z.number().describe('Seconds since aare.guru gave this answer'),
  measured_at: z.string().nullable().describe('When the water was measured; the oldest measurement of several'),
  attribution: z.string().describe('To be named wherever the data are shown')
}

export type Provenance = z.output<z.ZodObject<typeof provenanceShape>>

/**
 * Says where a result comes from and how old it is: the worst of the answers that it was made of.
 * @param now Milliseconds.
 * @param measured When the water was measured, in unix seconds.
 */
export function provenance (now: number, answers: readonly Answer<unknown>[], measured: number | null = null): Provenance {
  const simulated = answers.some(answer => answer.simulated)
  const stale = answers.some(answer => answer.stale)
  const ageSeconds = Math.max(0, ...answers.map(answer => Math.round((now - answer.fetchedAt) / 1000)))
  const measuredAt = moment(measured)
  const notices: string[] = []
  if (simulated) notices.push(SIMULATED)
  if (stale) notices.push(`The source could not be reached: this is its last answer, ${minutes(ageSeconds)} old.`)
  if (measuredAt !== null && measured !== null && now / 1000 - measured > OLD_MEASUREMENT_SECONDS) {
    notices.push(`The water was last measured ${minutes(now / 1000 - measured)} ago.`)
  }
  return {
    notice: notices.length === 0 ? null : notices.join(' '),
    simulated,
    stale,
    age_seconds: ageSeconds,
    measured_at: measuredAt,
    attribution: ATTRIBUTION
  }
}

/** The oldest of several moments, or null if there is none. */
export function oldest (moments: readonly (number | null)[]): number | null {
  const known = moments.filter(moment => moment !== null)
  return known.length === 0 ? null : Math.min(...known)
}

/** Unix seconds of upstream as an ISO date and time, or null if they are none. */
export function moment (seconds: number | null): string | null {
  return seconds !== null && seconds > 0 && seconds < 1e11 ? iso(seconds) : null
}

function minutes (seconds: number): string {
  return `${Math.round(seconds / 60)} minutes`
}
