import { errors, RpcCode } from '../errors.js'
import { errorResponse, type JSONRPCMessage } from '../json-rpc.js'
import type { Wire, WriteResult } from '../streams/wire.js'

/**
 * Writes a message. In place of an answer that can't be written an error is: whoever asked must still hear of it.
 * @throws TypeError for a notification or request that is no JSON.
 */
export function deliver (wire: Wire, message: JSONRPCMessage, failed: (error: unknown) => void): WriteResult {
  const instead = (why: string) => 'method' in message || message.id === undefined ? undefined : wire.write(errorResponse(message.id, RpcCode.internalError, why))
  try {
    const result = wire.write(message)
    if (result !== 'oversized') return result
    const oversized = errors.oversized('Raise STREAM_BUFFER_BYTES (streamBufferBytes) or answer with less')
    failed(oversized)
    return instead(`${oversized.message}. ${oversized.detail}`) ?? result
  } catch (error) {
    failed(error)
    const result = instead('The answer could not be written as JSON')
    if (result === undefined) throw error
    return result
  }
}
