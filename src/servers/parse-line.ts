import { isRequestId, type JSONRPCMessage } from '../json-rpc.js'

/** One line as a JSON-RPC message; undefined if it is none. What is inside of it is for the client to judge. */
export function parseLine (line: string): JSONRPCMessage | undefined {
  const value = parse(line)
  if (!isObject(value) || !('jsonrpc' in value) || value.jsonrpc !== '2.0') return undefined
  return ('method' in value ? isCall(value) : isAnswer(value)) ? value as JSONRPCMessage : undefined
}

function parse (line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isCall (value: object): boolean {
  return 'method' in value && typeof value.method === 'string' && (!('id' in value) || isRequestId(value.id)) && (!('params' in value) || isObject(value.params))
}

function isAnswer (value: object): boolean {
  if ('result' in value) return isObject(value.result)
  return 'error' in value && isObject(value.error) && 'code' in value.error && typeof value.error.code === 'number' && 'message' in value.error && typeof value.error.message === 'string'
}

function isObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
