import {
  JSONRPCErrorResponseSchema, JSONRPCNotificationSchema, JSONRPCRequestSchema, JSONRPCResultResponseSchema,
  type JSONRPCErrorResponse, type JSONRPCMessage, type JSONRPCNotification, type JSONRPCRequest, type RequestId
} from '@modelcontextprotocol/sdk/types.js'
import { errors } from './errors.js'

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

/** The id of the request in a body that may be anything; null where there is none (JSON-RPC 2.0, section 5). */
export function requestIdOf (body: unknown): RequestId | null {
  if (typeof body !== 'object' || body === null || !('id' in body)) return null
  return typeof body.id === 'string' || typeof body.id === 'number' ? body.id : null
}

/** A JSON-RPC error object (JSON-RPC 2.0, section 5.1). */
export function errorResponse (id: RequestId, code: number, message: string, data?: unknown): JSONRPCErrorResponse
export function errorResponse (id: RequestId | null, code: number, message: string, data?: unknown): object
export function errorResponse (id: RequestId | null, code: number, message: string, data?: unknown): object {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } }
}
