import { setMaxListeners } from 'node:events'
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** What clients did, and what they saw. */
export const deeds = ['opened', 'answered', 'vanished', 'resumed', 'woken', 'expired', 'listened', 'deleted', 'left'] as const
export type Deed = typeof deeds[number]

/** Where the clients live, and what they tell. */
export class World {
  readonly port: number
  readonly agent = new Agent({ keepAlive: true })
  readonly done = Object.fromEntries(deeds.map(deed => [deed, 0])) as Record<Deed, number>
  /** What nobody expected, by what it says. */
  readonly wrong = new Map<string, number>()
  /** Milliseconds that the slowest answer took: on a machine with much else to do, client and server are so far behind each other. */
  slowestMs = 0
  readonly #end = new AbortController()
  #texts = 0

  constructor (port: number) {
    this.port = port
    setMaxListeners(Infinity, this.signal)
  }

  get over (): boolean { return this.#end.signal.aborted }

  /** Aborts when the world ends, and every connection of `agent` with it. */
  get signal (): AbortSignal { return this.#end.signal }

  did (deed: Deed): void { this.done[deed]++ }

  /** The answer to a call that was sent at `calledAt` is there. */
  answered (calledAt: number): void {
    this.did('answered')
    this.slowestMs = Math.max(this.slowestMs, performance.now() - calledAt)
  }

  /** A text that nobody else says. */
  text (): string { return `text ${this.#texts++}` }

  /** Waits at random, `ms` on average. */
  async pause (ms: number): Promise<void> {
    await this.sleep(ms * (0.2 + 1.6 * Math.random()))
  }

  /** Waits, but not past the end. */
  async sleep (ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.signal })
  }

  /** Lives one life after the other until the end. What fails is noted, and another life begins. */
  async live (life: (world: World) => Promise<void>): Promise<void> {
    while (!this.over) {
      try {
        await life(this)
      } catch (error) {
        if (this.over) return
        const what = error instanceof Error ? error.message : String(error)
        this.wrong.set(what, (this.wrong.get(what) ?? 0) + 1)
        // A server that is gone is not asked a million times.
        await delay(1_000)
      }
    }
  }

  end (): void {
    this.#end.abort()
    this.agent.destroy()
  }
}

/** One of the names, each as often as its number says. */
export function pick<Name extends string> (weights: Record<Name, number>): Name {
  const entries = Object.entries<number>(weights) as [Name, number][]
  let left = Math.random() * entries.reduce((sum, [, weight]) => sum + weight, 0)
  const [name] = entries.find(([, weight]) => (left -= weight) < 0) ?? entries[0] ?? []
  if (name === undefined) throw new Error('there is nothing to pick from')
  return name
}
