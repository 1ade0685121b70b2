const TICK_MS = 250

/** Ticks that make about a second. */
export const ONE_SECOND = 4

/** What is waited for. */
export interface Waiting {
  /** The time is over. */
  expire (): void
}

/**
 * Waits for many things at once, some seconds each, with one timer for all: most of them happen within milliseconds,
 * and a timer for each would be felt.
 */
export class Patience {
  readonly #waiting = new Map<Waiting, number>()
  #timer: NodeJS.Timeout | undefined
  #now = 0

  get size (): number { return this.#waiting.size }

  /** Waits until `done`, or for that many ticks of a quarter of a second: then it expires. */
  wait (waiting: Waiting, ticks = ONE_SECOND): void {
    this.#waiting.set(waiting, this.#now + ticks)
    this.#timer ??= setInterval(() => { this.#tick() }, TICK_MS).unref()
  }

  done (waiting: Waiting): void { this.#waiting.delete(waiting) }

  #tick (): void {
    this.#now++
    for (const [waiting, until] of this.#waiting) {
      if (until >= this.#now) continue
      this.#waiting.delete(waiting)
      waiting.expire()
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
