import { AareguruError } from './errors.js'

/** Bytes of one answer: two series of a year at ten minutes are about 2 MiB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

/** Requests under way at once, over all URLs: the API is a courtesy, a burst of callers must not become a burst there. */
const MAX_IN_FLIGHT = 64

export interface UpstreamOptions {
  /** Where the API is, without `/v2018`. */
  baseUrl: string
  /** Sent as `app` and `version`, as the API asks of its users. */
  app: string
  version: string
  /** Seconds for the whole answer, body included. */
  timeoutSeconds: number
}

export interface UpstreamAnswer {
  json: unknown
  /** Length of the body in bytes. */
  bytes: number
}

/** The HTTP side of the aare.guru API (https://aareguru.existenz.ch): it asks, limits and words failures, and knows no shapes. */
export class Upstream {
  readonly #base: URL
  readonly #identity: { app: string, version: string }
  readonly #timeoutSeconds: number
  #inFlight = 0

  /** @throws TypeError if `baseUrl` is no http or https URL. */
  constructor ({ baseUrl, app, version, timeoutSeconds }: UpstreamOptions) {
    this.#base = new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
    if (!/^https?:$/.test(this.#base.protocol)) throw new TypeError(`baseUrl must be an http or https URL, not ${this.#base.protocol}`)
    this.#identity = { app, version }
    this.#timeoutSeconds = timeoutSeconds
  }

  /** The URL of a request; equal requests have equal URLs. */
  url (path: string, params: Record<string, string> = {}): string {
    const url = new URL(path, this.#base)
    url.search = new URLSearchParams({ ...params, ...this.#identity }).toString()
    return url.href
  }

  /** @throws AareguruError `UNREACHABLE`, `BAD_ANSWER` or `BUSY`, naming host and path. */
  async get (url: string): Promise<UpstreamAnswer> {
    const { host, pathname } = new URL(url)
    const target = `${host}${pathname}`
    if (this.#inFlight >= MAX_IN_FLIGHT) throw new AareguruError('BUSY', `Too many requests to ${host} are under way, try again in a moment`)
    this.#inFlight++
    try {
      return await this.#ask(url, target)
    } finally {
      this.#inFlight--
    }
  }

  async #ask (url: string, target: string): Promise<UpstreamAnswer> {
    try {
      const response = await fetch(url, {
        signal: AbortSignal.timeout(Math.round(this.#timeoutSeconds * 1000)),
        headers: { accept: 'application/json', 'user-agent': `${this.#identity.app}/${this.#identity.version}` }
      })
      // An error's body is read as well, within the limit: that frees the connection for the next request.
      const body = await readBody(response, target)
      if (!response.ok) throw new AareguruError('UNREACHABLE', `${target} answered with HTTP ${response.status}`)
      return { json: parseJson(body, target), bytes: body.byteLength }
    } catch (error) {
      if (error instanceof AareguruError) throw error
      const timedOut = error instanceof Error && error.name === 'TimeoutError'
      const what = timedOut ? `did not answer within ${this.#timeoutSeconds} seconds` : 'could not be reached'
      throw new AareguruError('UNREACHABLE', `${target} ${what}`, { cause: error })
    }
  }
}

async function readBody (response: Response, target: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const body: AsyncIterable<Uint8Array> | Uint8Array[] = response.body ?? []
  for await (const chunk of body) {
    bytes += chunk.byteLength
    // Leaving the loop by a throw cancels the stream.
    if (bytes > MAX_ANSWER_BYTES) throw new AareguruError('BAD_ANSWER', `${target} answered with more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseJson (body: Buffer, target: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new AareguruError('BAD_ANSWER', `${target} did not answer with JSON`, { cause })
  }
}
