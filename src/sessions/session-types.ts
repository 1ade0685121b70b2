import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { RequestInfo } from '@modelcontextprotocol/sdk/types.js'
import type { JSONRPCMessage } from '../json-rpc.js'
import type { Reply } from '../streams/wire.js'
import type { Session } from './session.js'

/**
 * Why a session ended: its client said so (`client`) or went away (`disconnected`), nothing was said for too long (`idle`),
 * it gave way to a newcomer (`evicted`), its reader was too slow (`slow-consumer`), this process stops (`shutdown`),
 * its server instance ended it (`server`), or something broke (`error`).
 */
export const closeReasons = ['client', 'disconnected', 'idle', 'evicted', 'slow-consumer', 'shutdown', 'server', 'host', 'error'] as const
export type CloseReason = typeof closeReasons[number]

/** What Weir asks of a server instance: `McpServer` and `Server` of SDK v1 and v2 have it. */
export interface ServerInstance {
  connect (transport: Transport): Promise<void>
  close (): Promise<void>
}

/** What a server instance knows of its own life. */
export interface InstanceLife {
  /** Aborts when the instance is let go. */
  readonly signal: AbortSignal
}

/** Builds a session's server instance: at its opening, and each time that it wakes. */
export type CreateInstance = (life: InstanceLife) => ServerInstance | Promise<ServerInstance>

/** What a session tells the one who keeps it. */
export interface SessionObserver {
  opened (session: Session): void
  /** A message went in or out. */
  active (session: Session): void
  received (session: Session, message: JSONRPCMessage): void
  sent (session: Session): void
  /** A message could not be delivered, and nobody waits for an answer to it. */
  dropped (session: Session, why: string): void
  /** The last request in flight was answered. */
  settled (session: Session): void
  failed (session: Session, error: unknown): void
  /** A server instance is about to serve the session; throws if it can't. */
  adopt (instance: ServerInstance): void
  /** Called exactly once. `ended` settles when the server instance has closed. */
  closed (session: Session, reason: CloseReason, ended: Promise<void>): void
}

/** What comes with a message from the client. */
export interface ReceiveContext {
  authInfo?: AuthInfo | undefined
  requestInfo?: RequestInfo | undefined
  /** Where the answer to this request goes; without one it goes to the standing stream. */
  reply?: Reply | undefined
}
