import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'

/**
 * Keeps the process groups that it is told of, and kills what is left of them when its input ends. A service manager's SIGTERM
 * to everybody must not end it before its time.
 */
const SCRIPT = `trap '' HUP INT QUIT TERM
groups=' '
while read -r what group; do
  case $what in
    add) groups="$groups$group " ;;
    remove) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done`

/**
 * Sees to it that no process group outlives this process, even when this one is killed: the system then closes the pipe to a
 * small shell, which kills them. Without a shell in the system, or on Windows, where there are no process groups, they are only
 * ended by who ends them.
 */
export class GroupGuard {
  readonly #shell: string
  readonly #groups = new Set<number>()
  #process: ChildProcess | undefined

  /** @param shell A POSIX shell. */
  constructor (shell = '/bin/sh') {
    this.#shell = shell
  }

  /** The shell's process id, while it runs. */
  get pid (): number | undefined { return this.#process?.pid }

  add (group: number): void {
    this.#groups.add(group)
    if (this.#process !== undefined) this.#tell(`add ${group}`)
    else this.#start()
  }

  remove (group: number): void {
    if (this.#groups.delete(group)) this.#tell(`remove ${group}`)
  }

  /** Ends the shell. Settles when it is gone. */
  async close (): Promise<void> {
    const process = this.#process
    this.#process = undefined
    if (process?.pid === undefined) return
    const exited = once(process, 'exit')
    process.ref()
    process.stdin?.end()
    await exited
  }

  #start (): void {
    // In a session of its own: what a terminal sends to this process on Ctrl+C does not reach it.
    const guard = spawn(this.#shell, ['-c', SCRIPT], { cwd: '/', env: {}, detached: true, stdio: ['pipe', 'ignore', 'ignore'], windowsHide: true })
    this.#process = guard
    const forget = () => { if (this.#process === guard) this.#process = undefined }
    // There is no such shell, or somebody killed it: the next group is told to another one, with all that are left.
    guard.on('error', forget).on('exit', forget)
    guard.stdin.on('error', forget)
    guard.unref()
    if (guard.stdin instanceof Socket) guard.stdin.unref()
    for (const group of this.#groups) this.#tell(`add ${group}`)
  }

  #tell (line: string): void { this.#process?.stdin?.write(`${line}\n`) }
}
