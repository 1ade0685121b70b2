/** A small generator with a seed (mulberry32): the same seed says the same numbers everywhere. */
export class Random {
  #state: number

  constructor (seed: number) {
    this.#state = seed >>> 0
  }

  /** A generator of its own for one step of a run: what a step does hangs on nothing that was drawn before. */
  static ofStep (seed: number, step: number): Random {
    const random = new Random(Math.imul(seed, 0x9E3779B1) ^ Math.imul(step + 1, 0x85EBCA6B))
    random.next()
    return random
  }

  /** From 0 up to 1. */
  next (): number {
    this.#state = (this.#state + 0x6D2B79F5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number below `end`. */
  below (end: number): number { return Math.floor(this.next() * end) }

  chance (probability: number): boolean { return this.next() < probability }

  pick<T> (list: readonly T[]): T {
    const picked = list[this.below(list.length)]
    if (picked === undefined && list.length === 0) throw new Error('There is nothing to pick from')
    return picked as T
  }

  /** One of the keys, each as often as its weight says. */
  weighted<K extends string> (weights: Record<K, number>): K {
    const entries = Object.entries(weights) as [K, number][]
    let rest = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of entries) {
      rest -= weight
      if (rest < 0) return key
    }
    return (entries.at(-1) as [K, number])[0]
  }
}
