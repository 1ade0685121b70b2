import type { Readable } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'

/** Characters of one line in the log. */
const MAX_LINE = 4_096

/** Lines of one child within `WINDOW_MS`: who says more is cut short, and the log says by how much. */
const MAX_LINES = 100
const WINDOW_MS = 1_000

/** Writes what a child says on stderr to the log, a line each. */
export class StderrLog {
  readonly #log: FastifyBaseLogger
  readonly #now: () => number
  #line = ''
  #windowStart = -Infinity
  #lines = 0

  /** @param now Milliseconds of a clock that never runs backwards. */
  constructor (stderr: Readable, log: FastifyBaseLogger, now = () => performance.now()) {
    this.#log = log
    this.#now = now
    stderr.setEncoding('utf8').on('data', (text: string) => { this.#read(text) }).on('end', () => {
      if (this.#line !== '') this.#write()
      this.#tellLeftOut()
    })
  }

  #read (text: string): void {
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#add(text.slice(start, end))
      this.#write()
      start = end + 1
    }
    this.#add(text.slice(start))
  }

  // What is longer is cut.
  #add (part: string): void {
    if (this.#line.length <= MAX_LINE) this.#line += part.slice(0, MAX_LINE + 1 - this.#line.length)
  }

  #write (): void {
    const line = this.#line.length > MAX_LINE ? `${this.#line.slice(0, MAX_LINE)}…` : this.#line.trimEnd()
    this.#line = ''
    if (line === '') return
    if (this.#now() >= this.#windowStart + WINDOW_MS) {
      this.#tellLeftOut()
      this.#windowStart = this.#now()
      this.#lines = 0
    }
    if (++this.#lines <= MAX_LINES) this.#log.info({ stderr: line }, 'the stdio server says')
  }

  #tellLeftOut (): void {
    if (this.#lines > MAX_LINES) this.#log.warn({ lines: this.#lines - MAX_LINES }, 'the stdio server said more than is logged')
  }
}
