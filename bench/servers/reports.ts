/** What a server under measurement tells its parent. */
export interface Report {
  port?: number
  /** Microseconds of CPU time of the whole process, user and system. */
  cpu?: number
  memory?: Memory
  /** Whether the tool `flood` has said all. */
  flooded?: boolean
  /** Calls per second of a server that has no HTTP. */
  perSecond?: number
  /** Server instances that were built and have not closed. */
  instances?: number
}

export interface Memory {
  rss: number
  /** Bytes of the JavaScript heap, and of what it holds outside of it. */
  heap: number
}

/** What a parent asks. `watch` samples the memory until `peak` asks for the highest values; with `collect` garbage does not count. */
export type Question = 'cpu' | 'memory' | 'watch' | 'watch collect' | 'peak' | 'flooded' | 'run' | 'instances'

/** What only some servers can say. */
export interface Own {
  run? (): Promise<number>
  instances? (): number
}

/** Milliseconds between two samples of the memory. */
const SAMPLE_MS = 5

/** Samples before which garbage is collected, which takes far longer than a sample: a buffer with a limit is full by then. */
const COLLECTED_SAMPLES = 100

/** Answers the parent's questions, and ends with it. Gives what the fixture's `onFlooded` wants. */
export function answerParent (port: number, own: Own = {}): { onFlooded: () => void } {
  let flooded = false
  let peak: Memory = { rss: 0, heap: 0 }
  let samples = 0
  let sampler: NodeJS.Timeout | undefined

  process.on('message', (question: Question) => {
    switch (question) {
      case 'cpu': {
        const { user, system } = process.cpuUsage()
        return tell({ cpu: user + system })
      }
      case 'memory':
        collectGarbage()
        return tell({ memory: memory() })
      case 'watch':
      case 'watch collect':
        flooded = false
        peak = { rss: 0, heap: 0 }
        samples = 0
        sampler = setInterval(() => {
          if (question === 'watch collect') {
            if (++samples > COLLECTED_SAMPLES) return clearInterval(sampler)
            globalThis.gc?.()
          }
          const { rss, heap } = memory()
          peak = { rss: Math.max(peak.rss, rss), heap: Math.max(peak.heap, heap) }
        }, SAMPLE_MS)
        return tell({})
      case 'peak':
        clearInterval(sampler)
        return tell({ memory: peak })
      case 'flooded':
        return tell({ flooded })
      case 'run':
        void own.run?.().then(perSecond => { tell({ perSecond }) })
        return
      case 'instances':
        return tell({ instances: own.instances?.() ?? NaN })
    }
  })
  process.on('disconnect', () => { process.exit() })
  tell({ port })
  return { onFlooded: () => { flooded = true } }
}

function tell (report: Report): void {
  process.send?.(report)
}

function collectGarbage (): void {
  for (let round = 0; round < 4; round++) globalThis.gc?.()
}

function memory (): Memory {
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}
