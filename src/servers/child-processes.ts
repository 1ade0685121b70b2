import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { CreateServer } from '../options.js'

export interface StdioCommand { command: string, args: string[], env: Record<string, string>, cwd?: string }

/** A stand-in until the real one is there. */
export class ChildProcesses {
  readonly #children = new Set<StdioClientTransport>()
  constructor (readonly options: { max: number, lineLimitBytes: number, killAfterMs?: number }) {}
  get size (): number { return this.#children.size }

  createServer (command: StdioCommand): CreateServer {
    return () => {
      const child = new StdioClientTransport(command)
      return {
        connect: async transport => {
          child.onmessage = message => { void transport.send(message) }
          child.onclose = () => { this.#children.delete(child); void transport.close() }
          transport.onmessage = (message: Parameters<typeof child.send>[0]) => { void child.send(message) }
          transport.onclose = () => { void child.close() }
          await transport.start()
          await child.start()
          this.#children.add(child)
        },
        close: () => child.close()
      }
    }
  }

  async close (): Promise<void> { await Promise.all([...this.#children].map(child => child.close())) }

  kill (): void { for (const { pid } of this.#children) if (pid != null) process.kill(pid, 'SIGKILL') }
}
