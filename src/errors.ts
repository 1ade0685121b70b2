import createError, { type FastifyError } from '@fastify/error'

/** JSON-RPC 2.0, section 5.1: the reserved codes that a transport answers with. */
export const RpcCode = {
  parseError: -32700,
  invalidRequest: -32600,
  internalError: -32603
} as const

/** An error of Weir's: a code of the table below, the status that it is answered with, and what to do about it. */
export interface WeirError extends FastifyError {
  statusCode: number
  /** What to do, or what was seen. Safe to show to the client. */
  detail?: string
  /** Headers that go with the answer, such as `retry-after`. */
  headers?: Record<string, string>
  /** Set on errors about a JSON-RPC message: the code of the JSON-RPC error that answers it. */
  rpcCode?: number
}

type ErrorFactory = (detail?: string, headers?: Record<string, string>) => WeirError

function define (code: string, statusCode: number, message: string, rpcCode?: number): ErrorFactory {
  const Constructor = createError(code, message, statusCode)
  return (detail, headers) => Object.assign(new Constructor(), {
    statusCode,
    ...(detail !== undefined && { detail }),
    ...(headers !== undefined && { headers }),
    ...(rpcCode !== undefined && { rpcCode })
  })
}

/** Goes with every 503 that passes by itself: seconds after which to ask again (RFC 9110, section 10.2.3). */
export const RETRY_LATER = { 'retry-after': '10' }

/** Every error that Weir answers or throws, by what went wrong. */
export const errors = {
  invalidOption: define('WEIR_ERR_INVALID_OPTION', 500, 'Invalid option'),
  invalidConfig: define('WEIR_ERR_INVALID_CONFIG', 500, 'Invalid configuration'),
  usage: define('WEIR_ERR_USAGE', 500, 'Wrong command line'),
  notServable: define('WEIR_ERR_NOT_SERVABLE', 500, 'What is asked for cannot be served'),
  interrupted: define('WEIR_ERR_INTERRUPTED', 500, 'The process was told to end while it started'),

  unauthorized: define('WEIR_ERR_UNAUTHORIZED', 401, 'Invalid or missing API key'),
  foreignOrigin: define('WEIR_ERR_FOREIGN_ORIGIN', 403, 'Origin not allowed'),
  foreignHost: define('WEIR_ERR_FOREIGN_HOST', 403, 'Host not allowed'),
  rateLimited: define('WEIR_ERR_RATE_LIMITED', 429, 'Too many requests'),

  refused: define('WEIR_ERR_REFUSED', 400, 'Bad request'),
  notAcceptable: define('WEIR_ERR_NOT_ACCEPTABLE', 406, 'Not acceptable'),
  notFound: define('WEIR_ERR_NOT_FOUND', 404, 'Not found'),
  methodNotAllowed: define('WEIR_ERR_METHOD_NOT_ALLOWED', 405, 'Method not allowed'),
  unavailable: define('WEIR_ERR_UNAVAILABLE', 503, 'Service unavailable'),
  internal: define('WEIR_ERR_INTERNAL', 500, 'Internal server error'),

  invalidSessionId: define('WEIR_ERR_INVALID_SESSION_ID', 400, 'Missing or malformed session_id'),
  sessionRequired: define('WEIR_ERR_SESSION_REQUIRED', 400, 'Missing session'),
  unsupportedVersion: define('WEIR_ERR_UNSUPPORTED_VERSION', 400, 'Unsupported protocol version'),
  invalidEventId: define('WEIR_ERR_INVALID_EVENT_ID', 400, 'Nothing to resume'),
  sessionNotFound: define('WEIR_ERR_SESSION_NOT_FOUND', 404, 'Session not found'),
  sessionClosed: define('WEIR_ERR_SESSION_CLOSED', 503, 'The session ended before it was ready'),
  tooManySessions: define('WEIR_ERR_TOO_MANY_SESSIONS', 503, 'Too many sessions'),
  tooManyChildren: define('WEIR_ERR_TOO_MANY_CHILDREN', 503, 'Too many child processes'),
  draining: define('WEIR_ERR_DRAINING', 503, 'Shutting down', RpcCode.internalError),
  serverFailed: define('WEIR_ERR_SERVER_FAILED', 500, 'The MCP server could not be started'),

  parseError: define('WEIR_ERR_PARSE', 400, 'Parse error', RpcCode.parseError),
  invalidMessage: define('WEIR_ERR_INVALID_MESSAGE', 400, 'Invalid request', RpcCode.invalidRequest),
  messageTooLarge: define('WEIR_ERR_MESSAGE_TOO_LARGE', 413, 'Message too large', RpcCode.invalidRequest),
  unsupportedMediaType: define('WEIR_ERR_UNSUPPORTED_MEDIA_TYPE', 415, 'Unsupported media type', RpcCode.invalidRequest),
  tooManyInFlight: define('WEIR_ERR_TOO_MANY_IN_FLIGHT', 429, 'Too many requests in flight', RpcCode.invalidRequest),

  unreachable: define('WEIR_ERR_UNREACHABLE', 500, 'The client cannot be reached'),
  oversized: define('WEIR_ERR_OVERSIZED', 500, 'The message is larger than a stream may hold')
} satisfies Record<string, ErrorFactory>

/** That a server instance could not be built, and why. An error with a `statusCode` of 4xx is meant for the client, as one of the table above is. */
export function serverFailed (cause: unknown): WeirError {
  const { message, statusCode, detail, headers } = (cause ?? {}) as Partial<WeirError>
  const meant = isWeirError(cause) || (Number(statusCode) >= 400 && Number(statusCode) < 500)
  return Object.assign(errors.serverFailed(meant ? detail ?? message : undefined, headers), { cause, ...(meant && { statusCode }) })
}

/** An error in one line, for a JSON-RPC error's message. */
export function describe ({ message, detail }: WeirError): string {
  return detail === undefined ? message : `${message}: ${detail}`
}

/** Whether an error is one of the table above. */
export function isWeirError (error: unknown): error is WeirError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('WEIR_ERR_')
}
