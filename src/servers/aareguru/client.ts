import type * as z from 'zod'
import { AareguruError } from './errors.js'
import { type Answer, Feed } from './feed.js'
import { fold, printable } from './names.js'
import { CitiesSchema, type City, CurrentSchema, HistorySchema, TodaySchema, WidgetSchema } from './schemas.js'
import { Upstream, type UpstreamOptions } from './upstream.js'

export interface AareguruClientOptions extends UpstreamOptions {
  /** Seconds for which an answer is not asked for again. */
  cacheTtlSeconds: number
  /** Clock in milliseconds, `Date.now` by default. */
  now?: () => number
}

/** A city that upstream knows, with the answer that says so. */
export interface ResolvedCity {
  city: City
  cities: Answer<City[]>
}

/**
 * The one client of the aare.guru API that all server instances of a process share: its cache and its limits hold for
 * all of them together. It never sleeps; every method throws an `AareguruError` that says what could not be reached.
 */
export class AareguruClient {
  /** The clock that everything here goes by, in milliseconds. */
  readonly now: () => number
  readonly #upstream: Upstream
  readonly #cities: Feed<City[]>
  readonly #widget: Feed<z.output<typeof WidgetSchema>>
  readonly #today: Feed<z.output<typeof TodaySchema>>
  readonly #current: Feed<z.output<typeof CurrentSchema>>
  readonly #history: Feed<z.output<typeof HistorySchema>>

  constructor ({ cacheTtlSeconds, now = Date.now, ...upstreamOptions }: AareguruClientOptions) {
    this.now = now
    const upstream = this.#upstream = new Upstream(upstreamOptions)
    const feed = (maxEntries: number) => ({ maxEntries, ttlSeconds: cacheTtlSeconds, now })
    this.#cities = new Feed(upstream, CitiesSchema, feed(1))
    this.#widget = new Feed(upstream, WidgetSchema, feed(1))
    this.#today = new Feed(upstream, TodaySchema, feed(60))
    this.#current = new Feed(upstream, CurrentSchema, feed(60))
    this.#history = new Feed(upstream, HistorySchema, feed(60))
  }

  /** The cities that upstream measures in. */
  async cities (): Promise<Answer<City[]>> {
    return await this.#cities.get(this.#upstream.url('v2018/cities'))
  }

  /**
   * Finds a city by its key, name or long name, in any case. To be called before anything is asked for a city, because
   * upstream answers for an unknown one with Bern's data.
   * @throws AareguruError `UNKNOWN_CITY`, listing the cities.
   */
  async resolve (name: string): Promise<ResolvedCity> {
    const cities = await this.cities()
    const wanted = fold(name)
    for (const field of ['city', 'name', 'longname'] as const) {
      const city = cities.data.find(city => city[field] !== null && fold(city[field]) === wanted)
      if (city !== undefined) return { city, cities }
    }
    const known = cities.data.map(city => city.name === null ? city.city : `${city.city} (${city.name})`).join(', ')
    throw new AareguruError('UNKNOWN_CITY', `Unknown city "${printable(name)}". The cities are: ${known || 'none at the moment'}`)
  }

  /** The short text of today for a key that `resolve` gave. */
  async today (city: string) {
    return await this.#today.get(this.#upstream.url('v2018/today', { city }))
  }

  /** Temperature, flow, weather and the forecast of two hours for a key that `resolve` gave. */
  async current (city: string) {
    return await this.#current.get(this.#upstream.url('v2018/current', { city }))
  }

  /** The values of all cities in short. */
  async widget () {
    return await this.#widget.get(this.#upstream.url('v2018/widget'))
  }

  /** Past values for a key that `resolve` gave; `start` and `end` in unix seconds. */
  async history (city: string, start: number, end: number) {
    return await this.#history.get(this.#upstream.url('v2018/history', { city, start: String(start), end: String(end) }))
  }
}
