/** Follows every timer that is set, also those that keep no process alive: `process.getActiveResourcesInfo` is silent about them. */
export function followTimers () {
  const { setTimeout: timeout, setInterval: interval } = globalThis
  const timers = new Map<NodeJS.Timeout, Error>()

  function follow<F extends typeof timeout | typeof interval> (original: F): F {
    return new Proxy(original, {
      apply (target, self, given: unknown[]) {
        const timer = Reflect.apply(target, self, given) as NodeJS.Timeout
        timers.set(timer, new Error('set here'))
        if (timers.size > 20_000) forgetOld()
        return timer
      }
    })
  }

  function forgetOld (): void {
    for (const timer of timers.keys()) if (isOver(timer)) timers.delete(timer)
  }

  globalThis.setTimeout = follow(timeout)
  globalThis.setInterval = follow(interval)

  return {
    /** Where each timer was set that has yet to fire, but for those that this test set. */
    alive (): string[] {
      forgetOld()
      return [...timers.values()].map(({ stack = '' }) => stack.split('\n').slice(3, 5).map(line => line.trim()).join(' ')).filter(place => !place.includes('/test/'))
    },
    restore (): void {
      globalThis.setTimeout = timeout
      globalThis.setInterval = interval
    }
  }
}

/** Node marks a timer that was cleared or has fired for the last time. */
function isOver (timer: NodeJS.Timeout): boolean {
  return '_destroyed' in timer && timer._destroyed === true
}
