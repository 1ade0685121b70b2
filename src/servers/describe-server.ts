import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js'
import type { FastifyBaseLogger } from 'fastify'
import { errors } from '../errors.js'
import type { CreateServer } from '../options.js'
import { ANONYMOUS } from '../sessions/principal.js'
import type { ServerInstance } from '../sessions/session-types.js'

export interface DescribeServerOptions {
  /** The server as people named it, for errors. */
  name: string
  /** Of this package: as whom the server is asked. */
  version: string
  log: FastifyBaseLogger
  /** Aborts when the process is told to end. */
  signal: AbortSignal
  /** Milliseconds for the answer. */
  timeoutMs: number
}

/** What stands for the session in the instance's log lines: there is none yet. */
const NO_SESSION = 'start'

/**
 * Builds one instance, asks it who it is (`initialize`; MCP specification, "Lifecycle"), and lets it go. Undefined if it takes
 * longer than `timeoutMs`: it may be a command that has to be downloaded first.
 * @throws WEIR_ERR_NOT_SERVABLE with one line in `detail` if no session could be served; WEIR_ERR_INTERRUPTED if `signal` aborts first.
 */
export async function describeServer (createServer: CreateServer, { name, version, log, signal, timeoutMs }: DescribeServerOptions): Promise<{ name: string, version: string } | undefined> {
  const life = new AbortController()
  const end = (): void => { life.abort() }
  const timer = setTimeout(end, timeoutMs)
  signal.addEventListener('abort', end)
  const client = new Client({ name: 'mcp-weir', version })
  let instance: ServerInstance | undefined
  let info: { name: string, version: string } | undefined
  try {
    signal.throwIfAborted()
    const over = rejectOn(life.signal)
    info = await Promise.race([over, ask()])
  } catch (error) {
    if (signal.aborted) throw errors.interrupted()
    if (!life.signal.aborted) throw errors.notServable(`${name}: ${oneLine(error)}`)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    life.abort()
    await client.close().catch(ignore)
    await instance?.close().catch(ignore)
  }
  return info

  async function ask (): Promise<{ name: string, version: string }> {
    const [near, far] = InMemoryTransport.createLinkedPair()
    const clientInfo = { name: 'mcp-weir', version }
    const built = await createServer({ principal: ANONYMOUS, transport: 'streamable', sessionHash: NO_SESSION, clientInfo, headers: {}, log, signal: life.signal })
    if (typeof built?.connect !== 'function' || typeof built.close !== 'function') throw new TypeError('createServer must return a server: something with connect and close')
    // Too late: nobody waits for it any more, and nobody else would close it.
    if (life.signal.aborted) return await built.close() as never
    instance = built
    await instance.connect(far)
    await client.connect(near, { timeout: timeoutMs + 1_000 })
    // There, as `connect` checks the answer.
    return client.getServerVersion() as { name: string, version: string }
  }
}

function rejectOn (signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error) }) })
}

function oneLine (error: unknown): string {
  if (error instanceof McpError && error.code === Number(ErrorCode.ConnectionClosed)) return 'it closed before it had answered initialize'
  const { message, detail } = (error ?? {}) as { message?: string, detail?: string }
  return String(detail ?? message ?? error).replace(/^MCP error -?\d+: /, '').trim().replaceAll(/\s*[\r\n]+\s*/g, ' ')
}

function ignore (): void {}
