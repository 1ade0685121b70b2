import * as z from 'zod'
import { AareguruError } from './errors.js'
import { printable } from './names.js'

const DAY = 86_400
const MAX_PERIOD_DAYS = 366

/** 2000-01-01T00:00:00Z; upstream holds nothing older. */
const EARLIEST = 946_684_800

/** Relative moments fall on whole steps of so many seconds: a period that ends "now" would else be a new URL for every call. */
const STEP = 120

const RELATIVE = /^-\s*(\d{1,6})\s*(minute|hour|day|week|month|year)s?$/i
const IsoDate = z.iso.date()
const IsoDateTime = z.iso.datetime({ offset: true, local: true })

const SECONDS_OF: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: DAY, week: 7 * DAY }

export interface Period {
  /** Unix seconds. */
  start: number
  /** Unix seconds. */
  end: number
}

/**
 * Turns what a caller may say (an ISO date, unix seconds, `-7 days`, `now`) into unix seconds, before upstream is asked.
 * @param now Milliseconds.
 * @throws AareguruError `BAD_ARGUMENT` for what can't be read, lies before 2000 or after tomorrow, or is no period of at most 366 days.
 */
export function resolvePeriod (start: string | number, end: string | number, now: number): Period {
  const period = { start: resolveMoment('start', start, now), end: resolveMoment('end', end, now) }
  if (period.start > period.end) throw new AareguruError('BAD_ARGUMENT', `start (${iso(period.start)}) lies after end (${iso(period.end)})`)
  if (period.start === period.end) throw new AareguruError('BAD_ARGUMENT', `start and end are the same moment (${iso(period.start)}); a date means its first moment, so name the next day as end`)
  if (period.end - period.start > MAX_PERIOD_DAYS * DAY) {
    throw new AareguruError('BAD_ARGUMENT', `The period from ${iso(period.start)} to ${iso(period.end)} is longer than ${MAX_PERIOD_DAYS} days; ask for it in parts`)
  }
  return period
}

function resolveMoment (name: string, value: string | number, now: number): number {
  const nowSeconds = Math.floor(now / 1000)
  const seconds = typeof value === 'number' ? Math.floor(value) : parseMoment(value.trim(), nowSeconds)
  const shown = typeof value === 'number' ? String(value) : `"${printable(value)}"`
  if (!Number.isSafeInteger(seconds)) {
    throw new AareguruError('BAD_ARGUMENT', `${name} (${shown}) is no date: give an ISO date such as 2025-07-01, unix seconds, a relative date such as "-7 days", or "now"`)
  }
  if (seconds < EARLIEST || seconds > nowSeconds + DAY) {
    throw new AareguruError('BAD_ARGUMENT', `${name} (${shown}) lies before the year 2000 or in the future (a number means unix seconds, not milliseconds)`)
  }
  return seconds
}

/** Unix seconds, or NaN. */
function parseMoment (value: string, now: number): number {
  if (/^-?\d+$/.test(value)) return Number(value)
  // Without an offset UTC is meant, not the zone of whatever machine this runs on.
  if (IsoDate.safeParse(value).success) return Date.parse(value) / 1000
  if (IsoDateTime.safeParse(value).success) return Math.floor(Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(value) ? value : `${value}Z`) / 1000)
  const step = now - now % STEP
  if (value.toLowerCase() === 'now') return step
  // "7 days ago" is another way to say "-7 days".
  const match = RELATIVE.exec(value.replace(/^(\d.*) ago$/i, '-$1'))
  if (match === null) return NaN
  const [, count, unit = ''] = match
  return before(step, Number(count), unit.toLowerCase())
}

function before (now: number, count: number, unit: string): number {
  const seconds = SECONDS_OF[unit]
  if (seconds !== undefined) return now - count * seconds
  const date = new Date(now * 1000)
  const day = date.getUTCDate()
  date.setUTCMonth(date.getUTCMonth() - count * (unit === 'year' ? 12 : 1))
  // A month before 31 March is the end of February, not the beginning of March.
  if (date.getUTCDate() !== day) date.setUTCDate(0)
  return date.getTime() / 1000
}

/** Unix seconds as an ISO date and time. */
export function iso (seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}
