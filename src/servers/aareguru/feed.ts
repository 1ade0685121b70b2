import { LRUCache } from 'lru-cache'
import { type ZodType } from 'zod'
import { AareguruError } from './errors.js'
import { type Upstream } from './upstream.js'

/** The oldest answer, in milliseconds, that still stands in for an upstream that fails. */
const MAX_STALE_MS = 60 * 60 * 1000

/** A failing upstream that left us a last good answer is asked again after so many milliseconds at most. */
const RETRY_MS = 30_000

/** Bytes of answers that one feed keeps, as they came over the wire. */
const MAX_CACHE_BYTES = 16 * 1024 * 1024

/** One answer of the upstream and where it stands in time. */
export interface Answer<T> {
  data: T
  /** When the upstream gave it, in milliseconds of the client's clock. */
  fetchedAt: number
  /** True if the upstream failed since, and this is the last good answer. */
  stale: boolean
  /** True if the upstream says that it is no river but a model of one. */
  simulated: boolean
  /** Length of the answer on the wire. */
  bytes: number
}

export interface FeedOptions {
  /** Seconds for which an answer is not asked for again. */
  ttlSeconds: number
  /** Answers kept. */
  maxEntries: number
  /** Clock in milliseconds. */
  now: () => number
}

/**
 * All answers of one endpoint: a bounded cache, one request under way per URL (others wait for it), and the last good
 * answer, at most an hour old, while the upstream fails.
 */
export class Feed<T> {
  readonly #cache: LRUCache<string, Answer<T>>

  constructor (upstream: Upstream, schema: ZodType<T>, { ttlSeconds, maxEntries, now }: FeedOptions) {
    // To lru-cache a ttl of 0 means for ever, and a fraction is an error.
    const ttl = Math.max(1, Math.round(ttlSeconds * 1000))
    this.#cache = new LRUCache<string, Answer<T>>({
      max: maxEntries,
      maxSize: MAX_CACHE_BYTES,
      sizeCalculation: answer => answer.bytes,
      ttl,
      perf: { now },
      // Else lru-cache remembers the time between calls and sets a timer to forget it.
      ttlResolution: 0,
      // Whoever waits for an answer gets it, even if its place in the cache went to another meanwhile.
      ignoreFetchAbort: true,
      fetchMethod: async (url, last, { options }) => {
        try {
          const { json, bytes } = await upstream.get(url)
          return { data: parse(schema, json, url), fetchedAt: now(), stale: false, simulated: isSimulated(json), bytes }
        } catch (error) {
          const left = last === undefined ? 0 : MAX_STALE_MS - (now() - last.fetchedAt)
          if (last === undefined || left <= 0) throw error
          options.ttl = Math.min(ttl, RETRY_MS, left)
          return { ...last, stale: true }
        }
      }
    })
  }

  /** @throws AareguruError if the upstream fails and there is no answer of the last hour. */
  async get (url: string): Promise<Answer<T>> {
    return await this.#cache.forceFetch(url)
  }
}

function parse<T> (schema: ZodType<T>, json: unknown, url: string): T {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const { host, pathname } = new URL(url)
  const at = parsed.error.issues[0]?.path.join('.')
  throw new AareguruError('BAD_ANSWER', `${host}${pathname} answered in an unexpected shape (at ${at || 'the top'})`, { cause: parsed.error })
}

function isSimulated (json: unknown): boolean {
  if (Array.isArray(json)) return json.some(isSimulated)
  return typeof json === 'object' && json !== null && 'simulated' in json && json.simulated === true
}
