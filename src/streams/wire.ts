import type { JSONRPCMessage, RequestId } from '../json-rpc.js'

/**
 * What became of a message: `written`; `kept` for a reader that is away and may come back; `unreachable`, when the reader
 * is away and can't come back for it; `full`, when what already waits leaves no room for it (the reader is too slow);
 * `oversized`, when it alone is larger than the wire may ever hold.
 */
export type WriteResult = 'written' | 'kept' | 'unreachable' | 'full' | 'oversized'

/** Somewhere to answer: an outbound wire with a byte limit and a known end. */
export interface Wire {
  /**
   * Queues one message.
   * @throws TypeError if the message is no JSON (a BigInt, a circle).
   */
  write (message: JSONRPCMessage): WriteResult
  /** Settles when there is room again, or the reader has had its chance; undefined where there is room now. */
  drained? (): Promise<void> | undefined
  /** Whether a reader is there for what is written to it. */
  readonly connected: boolean
  /** Whether everything has been said on it: its reader left with all of it, and does not come back. */
  readonly finished?: boolean
  /** Takes back a request to the client that was kept, and that nobody waits for any more. */
  withdraw? (id: RequestId): void
}

/** Where one request is answered, or all those of a batch. */
export interface Reply extends Wire {
  /** One of its requests gets no answer. With the last one it ends. */
  settle (): void
  /** Ends the connection before the answer is there: the client comes back for it. */
  pause (): void
}

/** A wire that stays open while nothing is said: it carries heartbeats and can be cut. */
export interface StandingWire extends Wire {
  /** Bytes that wait for the reader in this process. */
  readonly bufferedBytes: number
  /** Says that the session lives. Called once an interval; false when nothing has moved for so long that the reader is gone, and the session with it. */
  heartbeat (): boolean
  /** Ends the wire after what waits was delivered. */
  end (): void
  /** Drops what waits, and the connection with it. */
  destroy (): void
}
