import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { API_KEY } from './raw-client.js'
import type { Memory, Question, Report } from './servers/reports.js'

export type ServerName = 'weir' | 'express' | 'bare' | 'echo' | 'direct' | 'in-memory' | 'express-streamable' | 'fastify-streamable' | 'weir-stdio' | 'stdio-client'

/** A server under measurement, in a process of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly port: number

  private constructor (child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /** Starts one, and waits until it listens. */
  static async start (name: ServerName, ...args: string[]): Promise<ServerProcess> {
    const child = fork(fileURLToPath(new URL(`./servers/${name}.ts`, import.meta.url)), args, { execArgv: ['--import', 'tsx', '--expose-gc'] })
    const { port } = await nextReport(child)
    if (port === undefined) throw new Error(`${name} did not say where it listens`)
    return new ServerProcess(child, port)
  }

  get pid (): number { return this.#child.pid ?? NaN }

  /** Microseconds of CPU time since the process started, user and system. */
  async cpu (): Promise<number> {
    return (await this.#ask('cpu')).cpu ?? NaN
  }

  /** What is held after garbage was collected. */
  async memory (): Promise<Memory> {
    return memoryOf(await this.#ask('memory'))
  }

  /** Begins to sample the memory; with `collect` garbage is collected before each sample. */
  async watch ({ collect }: { collect: boolean }): Promise<void> {
    await this.#ask(collect ? 'watch collect' : 'watch')
  }

  /** The highest values since `watch`. */
  async peak (): Promise<Memory> {
    return memoryOf(await this.#ask('peak'))
  }

  /** Whether the tool `flood` has said all since `watch`. */
  async flooded (): Promise<boolean> {
    return (await this.#ask('flooded')).flooded === true
  }

  /** Lets a server without HTTP answer calls for a second: how many. */
  async run (): Promise<number> {
    return (await this.#ask('run')).perSecond ?? NaN
  }

  /** Server instances that were built and have not closed. */
  async instances (): Promise<number> {
    return (await this.#ask('instances')).instances ?? NaN
  }

  /** The numbers of `GET /metrics` by name, with their labels as Prometheus writes them. */
  async metrics (): Promise<Map<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`, { headers: { accept: 'text/plain', 'x-api-key': API_KEY } })
    const lines = (await response.text()).matchAll(/^([a-z]\S*) (\S+)$/gm)
    return new Map([...lines].map(([, name = '', value]) => [name, Number(value)]))
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  async #ask (question: Question): Promise<Report> {
    const report = nextReport(this.#child)
    this.#child.send(question)
    return await report
  }
}

async function nextReport (child: ChildProcess): Promise<Report> {
  return await new Promise((resolve, reject) => {
    const exited = (code: number | null) => { reject(new Error(`a server under measurement ended with code ${code}`)) }
    child.once('exit', exited)
    child.once('message', (report: Report) => {
      child.off('exit', exited)
      resolve(report)
    })
  })
}

function memoryOf ({ memory }: Report): Memory {
  if (memory === undefined) throw new Error('a server under measurement did not say how much memory it has')
  return memory
}
