import { errors, RETRY_LATER } from '../errors.js'
import type { CreateServer, ServerContext } from '../options.js'
import { GroupGuard } from './group-guard.js'
import { StdioServer, type StdioCommand } from './stdio-server.js'

export type { StdioCommand }

export interface ChildProcessesOptions {
  /** How many children there may be: `MAX_CHILD_PROCESSES`. */
  max: number
  /** Bytes of one line of a child's: `BODY_LIMIT_BYTES`. */
  lineLimitBytes: number
  /** Milliseconds from SIGTERM to SIGKILL, 5000 by default. */
  killAfterMs?: number
}

/** All children of one process of Weir's: one cap, and one guard that ends them if this process is killed. */
export class ChildProcesses {
  readonly #max: number
  readonly #options: { lineLimitBytes: number, killAfterMs: number, guard: GroupGuard }
  readonly #servers = new Set<StdioServer>()
  #closed: Promise<void> | undefined

  constructor ({ max, lineLimitBytes, killAfterMs = 5_000 }: ChildProcessesOptions) {
    this.#max = max
    this.#options = { lineLimitBytes, killAfterMs, guard: new GroupGuard() }
  }

  /** Children that live, that wait for their session's first message, or that have not quite ended. */
  get size (): number { return this.#servers.size }

  /**
   * A server of that command for each session.
   * What it returns throws WEIR_ERR_TOO_MANY_CHILDREN at the cap, and WEIR_ERR_DRAINING after `close`.
   */
  createServer (command: StdioCommand): CreateServer {
    return context => this.#open(command, context)
  }

  /** Ends all children, and their sessions with them. Settles when nothing is left. */
  close (): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  /** Kills all children at once, for a process that must end now. */
  kill (): void {
    for (const server of this.#servers) server.kill()
  }

  #open (command: StdioCommand, context: ServerContext): StdioServer {
    if (this.#closed !== undefined) throw errors.draining('Shutting down: no child process is started any more', RETRY_LATER)
    if (this.#servers.size >= this.#max) throw errors.tooManyChildren(`MAX_CHILD_PROCESSES (${this.#max}) are there: try again later, or raise it`, RETRY_LATER)
    const server: StdioServer = new StdioServer(command, context, this.#options, () => { this.#servers.delete(server) })
    this.#servers.add(server)
    return server
  }

  async #close (): Promise<void> {
    const servers = [...this.#servers]
    for (const server of servers) server.fail('was stopped')
    await Promise.all(servers.map(server => server.close()))
    await this.#options.guard.close()
  }
}
