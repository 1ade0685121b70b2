import { ImplementationSchema, type Implementation } from '@modelcontextprotocol/sdk/types.js'
import { isRequest, type JSONRPCMessage, type JSONRPCRequest } from '../json-rpc.js'

/** The wire transports by which a session can be opened. */
export type TransportName = 'sse' | 'streamable'

/** UTF-16 units that one session's record may hold of its client's words. */
const RECORD_LIMIT = 65_536

/** What a session would need to be rebuilt elsewhere: plain data, kept beside the live session from the start. */
export interface SessionRecord {
  readonly id: string
  /** The `id` of the principal that opened the session. */
  readonly owner: string
  readonly transport: TransportName
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  initialize?: JSONRPCRequest
  /** The version that was negotiated. */
  protocolVersion?: string
  logLevel?: string
  /** URIs of resources; undefined where there are none, as with most sessions. */
  subscriptions?: Set<string>
  /** UTF-16 units held of the client's words. */
  size: number
  /** False once the client said more than a record may hold: such a session lives only here. */
  rebuildable: boolean
}

/** A new session's record. */
export function createRecord (id: string, owner: string, transport: TransportName): SessionRecord {
  return { id, owner, transport, createdAt: Date.now(), size: 0, rebuildable: true }
}

/** What the client calls itself; undefined until it has said so. */
export function clientInfoOf ({ initialize }: SessionRecord): Implementation | undefined {
  const parsed = ImplementationSchema.safeParse(initialize?.params?.['clientInfo'])
  return parsed.success ? parsed.data : undefined
}

/** Notes in the record what a client's message changes of the session's state. */
export function noteMessage (record: SessionRecord, message: JSONRPCMessage): void {
  if (!isRequest(message)) return
  const { method, params } = message
  if (method === 'initialize' && record.initialize === undefined) {
    if (fits(record, JSON.stringify(message).length)) record.initialize = message
  } else if (method === 'logging/setLevel' && typeof params?.['level'] === 'string') {
    // Longer than any level of RFC 5424: the server will refuse it.
    if (params['level'].length <= 16) record.logLevel = params['level']
  } else if (method === 'resources/subscribe' && typeof params?.['uri'] === 'string') {
    if (record.subscriptions?.has(params['uri']) !== true && fits(record, params['uri'].length)) (record.subscriptions ??= new Set()).add(params['uri'])
  } else if (method === 'resources/unsubscribe' && typeof params?.['uri'] === 'string') {
    if (record.subscriptions?.delete(params['uri']) === true) record.size -= params['uri'].length
  }
}

function fits (record: SessionRecord, length: number): boolean {
  if (record.size + length > RECORD_LIMIT) {
    record.rebuildable = false
    return false
  }
  record.size += length
  return true
}
