import type { JSONRPCMessage } from '../json-rpc.js'

/**
 * What became of a message: `written`; `full`, when what already waits leaves no room for it (the reader is too slow);
 * `oversized`, when it alone is larger than the wire may ever hold.
 */
export type WriteResult = 'written' | 'full' | 'oversized'

/** Somewhere to answer: an outbound wire with a byte limit and a known end. */
export interface Wire {
  /**
   * Queues one message.
   * @throws TypeError if the message is no JSON (a BigInt, a circle).
   */
  write (message: JSONRPCMessage, eventId?: string): WriteResult
  /** Settles when there is room again, or the reader has had its chance; undefined where there is room now. */
  drained? (): Promise<void> | undefined
  /** Ends the wire after what waits was delivered. */
  end (): void
  /** Bytes that wait for the reader in this process. */
  readonly bufferedBytes: number
}

/** A wire that stays open while nothing is said: it carries heartbeats and can be cut. */
export interface StandingWire extends Wire {
  /** Says that the session lives. Called once an interval; false when nothing has moved for so long that the reader is gone. */
  heartbeat (): boolean
  /** Drops what waits, and the connection with it. */
  destroy (): void
}
