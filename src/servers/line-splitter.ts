const LINE_FEED = 0x0a
const NOTHING = Buffer.alloc(0)

/** Splits what a pipe brings into lines, none of which may be longer than `limitBytes`. */
export class LineSplitter {
  readonly #limitBytes: number
  /** Begins a line whose end has not come yet. */
  #parts: Buffer[] = []
  #partBytes = 0
  #chunk: Buffer = NOTHING
  #at = 0

  constructor (limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  push (chunk: Buffer): void {
    this.#chunk = this.#at === this.#chunk.length ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk])
    this.#at = 0
  }

  /**
   * The next whole line without its end, undefined until there is one.
   * @throws RangeError for a line that is too long, as soon as so much of it is there.
   */
  next (): string | undefined {
    const start = this.#at
    const end = this.#chunk.indexOf(LINE_FEED, start)
    if (this.#partBytes + (end === -1 ? this.#chunk.length : end) - start > this.#limitBytes) throw new RangeError(`a line of more than ${this.#limitBytes} bytes`)
    if (end === -1) {
      this.#keep(this.#chunk.subarray(start))
      this.#chunk = NOTHING
      this.#at = 0
      return undefined
    }
    this.#at = end + 1
    if (this.#partBytes === 0) return this.#chunk.toString('utf8', start, end)
    this.#keep(this.#chunk.subarray(start, end))
    const line = Buffer.concat(this.#parts).toString()
    this.#parts = []
    this.#partBytes = 0
    return line
  }

  #keep (part: Buffer): void {
    if (part.length === 0) return
    this.#parts.push(part)
    this.#partBytes += part.length
  }
}
