import {
  JSONRPCErrorResponseSchema, JSONRPCNotificationSchema, JSONRPCRequestSchema, JSONRPCResultResponseSchema,
  type JSONRPCErrorResponse, type JSONRPCMessage, type JSONRPCNotification, type JSONRPCRequest, type RequestId
} from '@modelcontextprotocol/sdk/types.js'
import { errors, isWeirError } from './errors.js'

export type { JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, RequestId }

/** Ids are kept while their requests are in flight. */
const MAX_ID_LENGTH = 1_024

/**
 * The body as one JSON-RPC message of MCP (JSON-RPC 2.0 with the narrowings of the MCP specification, "Base protocol").
 * The schemas are the SDK's own: a server drops what fails them without an answer, so it must be refused here.
 * @throws WEIR_ERR_INVALID_MESSAGE which says what is wrong.
 */
export function parseMessage (body: unknown): JSONRPCMessage {
  if (typeof body !== 'object' || body === null) throw errors.invalidMessage('The body is not a JSON-RPC message: send one JSON object')
  if (isPlainRequest(body)) return body
  if (Array.isArray(body)) throw errors.invalidMessage('Batches are not part of this transport: send one message a request')
  const schema = schemaOf(body)
  if (schema === undefined) throw errors.invalidMessage('A JSON-RPC message has a method, a result or an error')
  const parsed = schema.safeParse(body)
  if (parsed.success) {
    if ('id' in body && typeof body.id === 'string' && body.id.length > MAX_ID_LENGTH) throw errors.invalidMessage(`An id has at most ${MAX_ID_LENGTH} characters`)
    return body as JSONRPCMessage
  }
  const issue = parsed.error.issues[0]
  throw errors.invalidMessage(issue && `${issue.path.join('.') || 'message'}: ${issue.message}`)
}

/** Whether a body is what nearly every body is, a request without `_meta`: the SDK's schemas find nothing wrong with it, and take their time. */
function isPlainRequest (body: object): body is JSONRPCRequest {
  let members = 3
  if (!('jsonrpc' in body && 'id' in body && 'method' in body) || body.jsonrpc !== '2.0' || typeof body.method !== 'string') return false
  if ('params' in body) {
    members++
    if (typeof body.params !== 'object' || body.params === null || Array.isArray(body.params) || '_meta' in body.params) return false
  }
  const isId = typeof body.id === 'string' ? body.id.length <= MAX_ID_LENGTH : Number.isSafeInteger(body.id)
  return isId && Object.keys(body).length === members
}

/** Messages that one batch may have. */
const MAX_BATCH = 100

/**
 * The messages of a batch (JSON-RPC 2.0, section 6; MCP 2025-03-26 only).
 * @throws WEIR_ERR_INVALID_MESSAGE which says which one is wrong: then none is taken.
 */
export function parseMessages (batch: unknown[]): JSONRPCMessage[] {
  if (batch.length === 0 || batch.length > MAX_BATCH) throw errors.invalidMessage(`A batch has 1 to ${MAX_BATCH} messages, not ${batch.length}`)
  return batch.map((body, index) => {
    try {
      return parseMessage(body)
    } catch (error) {
      throw isWeirError(error) ? errors.invalidMessage(`Message ${index + 1} of the batch: ${error.detail}`) : error
    }
  })
}

function schemaOf (body: object) {
  if ('method' in body) return 'id' in body ? JSONRPCRequestSchema : JSONRPCNotificationSchema
  if ('result' in body) return JSONRPCResultResponseSchema
  if ('error' in body) return JSONRPCErrorResponseSchema
  return undefined
}

export function isRequest (message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message
}

export function isNotification (message: JSONRPCMessage): message is JSONRPCNotification {
  return 'method' in message && !('id' in message)
}

/** Whether a request is cancelled by it (MCP specification, "Cancellation"). */
export function isCancellation (message: JSONRPCMessage): message is JSONRPCNotification {
  return isNotification(message) && message.method === 'notifications/cancelled'
}

export function isRequestId (value: unknown): value is RequestId {
  return typeof value === 'string' || typeof value === 'number'
}

/** The id of the request in a body that may be anything; null where there is none (JSON-RPC 2.0, section 5). */
export function requestIdOf (body: unknown): RequestId | null {
  return typeof body === 'object' && body !== null && 'id' in body && isRequestId(body.id) ? body.id : null
}

/** A JSON-RPC error object (JSON-RPC 2.0, section 5.1). */
export function errorResponse (id: RequestId, code: number, message: string, data?: unknown): JSONRPCErrorResponse
export function errorResponse (id: RequestId | null, code: number, message: string, data?: unknown): object
export function errorResponse (id: RequestId | null, code: number, message: string, data?: unknown): object {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } }
}
