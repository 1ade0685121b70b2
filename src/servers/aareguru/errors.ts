/** What can go wrong, and the JSON-RPC code that a resource read is answered with (a tool answers `isError: true`). */
const CODES = {
  /** The upstream did not answer, or answered with an HTTP error. */
  UNREACHABLE: -32603,
  /** The upstream answered something that is not what it documents. */
  BAD_ANSWER: -32603,
  /** Too many upstream requests are under way. */
  BUSY: -32603,
  /** An argument that no request can be made from. */
  BAD_ARGUMENT: -32602,
  /** The "resource not found" of the MCP specification. */
  UNKNOWN_CITY: -32002
} as const

export type AareguruErrorReason = keyof typeof CODES

/** A failure whose message is meant for the caller: it names hosts, paths and arguments, and no internals. */
export class AareguruError extends Error {
  readonly reason: AareguruErrorReason
  readonly code: number

  constructor (reason: AareguruErrorReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AareguruError'
    this.reason = reason
    this.code = CODES[reason]
  }
}
