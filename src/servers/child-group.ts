import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { GroupGuard } from './group-guard.js'

/** A command that speaks MCP over stdio. */
export interface StdioCommand {
  command: string
  args: string[]
  /** The whole environment of the child. */
  env: Record<string, string>
  cwd?: string
}

/** Milliseconds between two looks at whether anything of a group is left. */
const LOOK_MS = 20

/** Milliseconds that killed processes get to go. A system may let its dead stand around: they hold up nobody for longer. */
const BURIAL_MS = 1_000

// Windows has no process groups: what the child started is left to the child there.
const HAS_GROUPS = process.platform !== 'win32'

/** A child and whatever it starts: a process group of its own, so that all of it can be ended. */
export class ChildGroup {
  readonly process: ChildProcess
  readonly #killAfterMs: number
  readonly #guard: GroupGuard
  readonly #exited: Promise<void>
  /** Nothing of it is left: its number may be somebody else's by now. */
  #gone = false
  #ended: Promise<void> | undefined

  /** @throws Error if the system refuses it at once; otherwise the process emits `error`. */
  constructor ({ command, args, env, cwd }: StdioCommand, { killAfterMs, guard }: { killAfterMs: number, guard: GroupGuard }) {
    this.#killAfterMs = killAfterMs
    this.#guard = guard
    const child = spawn(command, args, { env, ...(cwd !== undefined && { cwd }), detached: HAS_GROUPS, stdio: 'pipe', windowsHide: true })
    this.process = child
    this.#exited = new Promise(resolve => {
      child.once('exit', () => {
        // What it started has no use without it.
        if (!HAS_GROUPS || !this.#signal('SIGTERM')) this.#bury()
        resolve()
      })
    })
    if (child.pid !== undefined && HAS_GROUPS) guard.add(child.pid)
  }

  /** Ends all of the group: it is asked to, and killed after `killAfterMs`. Settles when nothing of it is left. */
  end (): Promise<void> {
    return (this.#ended ??= this.#end())
  }

  /** Kills all of the group. */
  kill (): void { this.#signal('SIGKILL') }

  async #end (): Promise<void> {
    const { pid, stdin, stdout, stderr } = this.process
    if (pid !== undefined) {
      stdin?.end()
      this.#signal('SIGTERM')
      const deadline = performance.now() + this.#killAfterMs
      const killing = setTimeout(() => { this.kill() }, this.#killAfterMs)
      await this.#exited
      while (this.#isAlive && performance.now() < deadline + BURIAL_MS) await delay(LOOK_MS)
      clearTimeout(killing)
      this.#bury()
    }
    // What it started may hold the other ends.
    for (const pipe of [stdin, stdout, stderr]) pipe?.destroy()
  }

  get #isAlive (): boolean { return !this.#gone && this.#signal(0) }

  /** Says whether there was somebody to receive it. */
  #signal (signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.process
    if (pid === undefined || this.#gone) return false
    /* c8 ignore next -- Windows */
    if (!HAS_GROUPS) return this.process.kill(signal)
    try {
      return process.kill(-pid, signal)
    } catch {
      return false
    }
  }

  #bury (): void {
    this.#gone = true
    if (this.process.pid !== undefined) this.#guard.remove(this.process.pid)
  }
}
