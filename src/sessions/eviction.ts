import { errors, RETRY_LATER } from '../errors.js'
import type { Session } from './session.js'

export interface Caps {
  maxSessions: number
  maxSessionsPerClient: number
}

/**
 * The session that has to give way to a new one of a client's, if one has to: at its own cap one of its own, at the cap of all the
 * least recently used. `sessions` are in order of last use.
 * @throws WEIR_ERR_TOO_MANY_SESSIONS where one has to and none can.
 */
export function sessionToEvict (ofClient: ReadonlySet<Session> | undefined, sessions: ReadonlyMap<string, Session>, { maxSessions, maxSessionsPerClient }: Caps): Session | undefined {
  if (ofClient !== undefined && ofClient.size >= maxSessionsPerClient) {
    const inOrder = [...ofClient].sort((one, other) => one.lastActivity - other.lastActivity)
    return firstAbandoned(inOrder) ?? refuse(`This client has ${ofClient.size} sessions open, which is its limit (MAX_SESSIONS_PER_CLIENT)`)
  }
  if (sessions.size < maxSessions) return undefined
  return firstAbandoned(sessions.values()) ?? refuse(`${maxSessions} sessions are open, which is the limit (MAX_SESSIONS)`)
}

/** The first of sessions in order of last use that nobody reads or works for. */
export function firstAbandoned (sessions: Iterable<Session>): Session | undefined {
  for (const session of sessions) if (session.abandoned) return session
  return undefined
}

function refuse (detail: string): never {
  throw errors.tooManySessions(detail, RETRY_LATER)
}
