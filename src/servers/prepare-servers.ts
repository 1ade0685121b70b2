import type { FastifyBaseLogger } from 'fastify'
import { errors } from '../errors.js'
import type { CreateServer } from '../options.js'
import { createAareguru, type AareguruOptions } from './aareguru/server.js'
import type { ChildProcesses } from './child-processes.js'
import { describeServer } from './describe-server.js'
import { loadServer } from './load-server.js'
import { describeSource, type ServerSource } from './server-source.js'
import type { Serving } from './serving.js'

/** A server that can be served: how its instances are built, and who it says it is. */
export interface PreparedServer {
  /** The path segment under which it is served; undefined for the one at the root. */
  name: string | undefined
  createServer: CreateServer
  serverInfo: { name: string, version: string }
  /** Whether each of its sessions needs a process. */
  spawns: boolean
}

export interface PrepareOptions {
  /** Of this package. */
  version: string
  aareguru: Omit<AareguruOptions, 'version'>
  children: Pick<ChildProcesses, 'createServer'>
  maxChildProcesses: number
  log: FastifyBaseLogger
  /** Aborts when the process is told to end. */
  signal: AbortSignal
  /** Milliseconds that a server has to say who it is. */
  timeoutMs: number
}

/**
 * Loads what is to be served and asks each server once who it is: one that can't be served is known before a client comes.
 * @throws WEIR_ERR_NOT_SERVABLE, WEIR_ERR_INVALID_CONFIG, with one line in `detail`; WEIR_ERR_INTERRUPTED.
 */
export async function prepareServers (serving: Serving, options: PrepareOptions): Promise<PreparedServer[]> {
  if (serving.kind === 'single') return [await prepare(undefined, serving.source, describeSource(serving.source), options)]

  const { file, servers } = serving
  const spawning = servers.filter(({ source }) => source.kind === 'command').length
  if (spawning > options.maxChildProcesses) throw errors.invalidConfig(`MAX_CHILD_PROCESSES=${options.maxChildProcesses}: ${file} has ${spawning} commands, and each needs one`)
  // All at once, as each may take its time; the first that fails ends the start, and with it the others.
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const prepared = servers.map(({ name, source }) => prepare(name, source, `${file}: ${JSON.stringify(name)}: ${describeSource(source)}`, { ...options, signal }))
  try {
    return await Promise.all(prepared)
  } finally {
    failed.abort()
    await Promise.allSettled(prepared)
  }
}

async function prepare (name: string | undefined, source: ServerSource, title: string, options: PrepareOptions): Promise<PreparedServer> {
  const { version, aareguru, children, log, signal, timeoutMs } = options
  if (source.kind === 'bundled') return { name, spawns: false, ...createAareguru({ version, ...aareguru }) }
  const createServer = source.kind === 'module' ? await loadServer(source.file, { name: title }) : children.createServer(source.command)
  const serverInfo = await describeServer(createServer, { name: title, version, log, signal, timeoutMs })
  if (serverInfo === undefined) log.warn({ server: title, seconds: timeoutMs / 1_000 }, 'the server has not said who it is yet: it is served all the same, under the name mcp-weir')
  return { name, createServer, serverInfo: serverInfo ?? { name: 'mcp-weir', version }, spawns: source.kind === 'command' }
}
