import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { FastifyBaseLogger } from 'fastify'
import { RpcCode } from '../errors.js'
import { errorResponse, isRequest, isRequestId, type JSONRPCMessage } from '../json-rpc.js'
import type { ServerContext } from '../options.js'
import type { ServerInstance } from '../sessions/session-types.js'
import { ChildGroup, type StdioCommand } from './child-group.js'
import type { GroupGuard } from './group-guard.js'
import { LineSplitter } from './line-splitter.js'
import { parseLine } from './parse-line.js'
import { RequestsInFlight } from './requests-in-flight.js'
import { startProblem } from './start-problem.js'
import { StderrLog } from './stderr-log.js'

export type { StdioCommand }

export interface StdioServerOptions {
  /** Bytes of one line of the child's. Twice as much may wait for a child that does not read. */
  lineLimitBytes: number
  /** Milliseconds from SIGTERM to SIGKILL. */
  killAfterMs: number
  guard: GroupGuard
}

/** Bytes that may be on their way to the client before the child's next line is read. */
const UNSETTLED_BYTES = 16_384

/** Milliseconds in which a child that closed a pipe ends, and says by its exit code why. */
const GRACE_MS = 500

/**
 * A command that speaks MCP over stdio, as the server of one session: a relay between the session and a child process, one
 * line for each message (MCP specification, "Transports", "stdio"). The child is started by the first message.
 */
export class StdioServer implements ServerInstance {
  readonly #command: StdioCommand
  readonly #context: Pick<ServerContext, 'log'>
  readonly #options: StdioServerOptions
  readonly #onGone: () => void
  readonly #inFlight = new RequestsInFlight()
  readonly #lines: LineSplitter
  #transport: Transport | undefined
  #child: ChildGroup | undefined
  #log: FastifyBaseLogger | undefined
  /** Lines for the child that are written together, in one turn of the event loop. */
  #outgoing = ''
  #unsettled = 0
  #onSettled: (() => void) | undefined
  #reading = false
  #closed: Promise<void> | undefined
  /** How the child ended. */
  #exit: string | undefined
  #grace: NodeJS.Timeout | undefined

  /** @param onGone Called once, when it was closed and its child and all that it started are gone. */
  constructor (command: StdioCommand, context: Pick<ServerContext, 'log'>, options: StdioServerOptions, onGone: () => void) {
    this.#command = command
    this.#context = context
    this.#options = options
    this.#lines = new LineSplitter(options.lineLimitBytes)
    this.#onGone = onGone
  }

  async connect (transport: Transport): Promise<void> {
    this.#transport = transport
    transport.onmessage = (message: JSONRPCMessage) => { this.#receive(message) }
    await transport.start()
  }

  /** Ends the child. Settles when it is gone, with all that it started. */
  close (): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  /** Ends the session: who waits for an answer is told why there will be none. */
  fail (why: string): void {
    if (this.#over) return
    this.#logger.warn({ command: this.#command.command, why }, 'stdio server ended')
    for (const id of this.#inFlight.ids()) void this.#transport?.send(errorResponse(id, RpcCode.internalError, `The MCP server ${why}`)).catch(noop)
    void this.close()
    // A session that is just being woken hears of it by the answer to its first request, and may try again.
    setImmediate(() => { void this.#transport?.close().catch(noop) })
  }

  /** Kills the child and all that it started, at once. */
  kill (): void { this.#child?.kill() }

  get #over (): boolean { return this.#closed !== undefined }

  async #close (): Promise<void> {
    clearTimeout(this.#grace)
    this.#outgoing = ''
    this.#inFlight.clear()
    this.#child?.process.stdout?.resume()
    await this.#child?.end()
    this.#onGone()
  }

  get #logger (): FastifyBaseLogger { return (this.#log ??= this.#context.log) }

  /** The client says something. */
  #receive (message: JSONRPCMessage): void {
    if (this.#over) return
    this.#inFlight.note(message)
    this.#child ??= this.#start()
    this.#write(message)
  }

  #start (): ChildGroup | undefined {
    try {
      const child = new ChildGroup(this.#command, this.#options)
      this.#watch(child)
      return child
    } catch (error) {
      this.fail(startProblem(error, this.#command))
      return undefined
    }
  }

  #watch ({ process: child }: ChildGroup): void {
    child.on('error', error => { this.fail(startProblem(error, this.#command)) })
    child.once('spawn', () => { this.#logger.debug({ command: this.#command.command, child: child.pid }, 'stdio server started') })
    child.once('exit', (code, signal) => {
      this.#exit = exitOf(code, signal)
      this.#failSoon(this.#exit)
    })
    // All that it wrote before is read by now.
    child.once('close', (code, signal) => { this.fail(exitOf(code, signal)) })
    // An error of it is told by its end.
    child.stdin?.on('error', noop).on('close', () => { this.#failSoon('closed its input') })
    child.stdout?.on('data', (chunk: Buffer) => { this.#read(chunk) }).on('end', () => { this.#failSoon('closed its output') })
    if (child.stderr !== null && child.stderr !== undefined) void new StderrLog(child.stderr, this.#logger)
  }

  /** A child that exits closes its pipes, and what it started may hold them: whichever comes first, the exit is what is told. */
  #failSoon (why: string): void {
    if (!this.#over) this.#grace ??= setTimeout(() => { this.fail(this.#exit ?? why) }, GRACE_MS)
  }

  #write (message: JSONRPCMessage): void {
    const stdin = this.#child?.process.stdin
    if (stdin === null || stdin === undefined || this.#over) return
    if (stdin.writableLength + this.#outgoing.length > 2 * this.#options.lineLimitBytes) return this.fail('does not read what it is sent')
    if (this.#outgoing === '') setImmediate(this.#flush)
    this.#outgoing += `${JSON.stringify(message)}\n`
  }

  readonly #flush = (): void => {
    if (this.#outgoing === '') return
    this.#child?.process.stdin?.write(this.#outgoing)
    this.#outgoing = ''
  }

  #read (chunk: Buffer): void {
    if (this.#over) return
    this.#lines.push(chunk)
    if (this.#reading) this.#child?.process.stdout?.pause()
    else void this.#readLines()
  }

  async #readLines (): Promise<void> {
    this.#reading = true
    try {
      for (let line = this.#lines.next(); line !== undefined && !this.#over; line = this.#lines.next()) {
        const message = parseLine(line)
        if (message !== undefined) this.#relay(message, line.length)
        else if (line.trim() !== '') return this.fail(`wrote something to its output that is no JSON-RPC message: ${excerpt(line)}`)
        if (this.#unsettled > UNSETTLED_BYTES) await this.#settled()
      }
    } catch (error) {
      this.fail(`wrote ${(error as RangeError).message} (BODY_LIMIT_BYTES)`)
    }
    this.#reading = false
    this.#child?.process.stdout?.resume()
  }

  /** The child says something. */
  #relay (message: JSONRPCMessage, size: number): void {
    let options: TransportSendOptions | undefined
    if ('method' in message) {
      const relatedRequestId = this.#inFlight.relatedTo(message)
      if (relatedRequestId !== undefined) options = { relatedRequestId }
    } else {
      // Nobody can be told which question it answers.
      if (!isRequestId(message.id)) return this.#logger.warn('the stdio server answered nothing that it was asked')
      this.#inFlight.delete(message.id)
    }
    this.#unsettled += size
    const settled = () => {
      this.#unsettled -= size
      if (this.#unsettled <= UNSETTLED_BYTES) this.#onSettled?.()
    }
    this.#transport?.send(message, options).then(settled, (error: unknown) => {
      settled()
      if (isRequest(message)) this.#write(errorResponse(message.id, RpcCode.internalError, (error as Error).message))
    })
  }

  #settled (): Promise<void> {
    return new Promise(resolve => { this.#onSettled = resolve })
  }
}

function exitOf (code: number | null, signal: NodeJS.Signals | null): string {
  return code === null ? `was ended by ${signal}` : `exited with code ${code}`
}

function noop (): void {}

function excerpt (line: string): string {
  return JSON.stringify(line.length > 100 ? `${line.slice(0, 100)}…` : line)
}
