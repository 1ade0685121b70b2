import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'

/** Who sends a request, and so who owns the session that it opens: what `authenticate` returns. */
export interface Principal {
  /** Stable and unique. Appears in logs, so it is no secret. */
  id: string
  scopes?: string[]
  /** Handed to the server's handlers as `authInfo.extra`. */
  claims?: Record<string, unknown>
}

/** Who sends a request without a key, where none is asked for. */
export const ANONYMOUS: Principal = Object.freeze({ id: 'anonymous' })

/** What a server's handlers see of the caller: never a key. */
export function authInfoOf (principal: Principal): AuthInfo | undefined {
  if (principal === ANONYMOUS) return undefined
  return { token: '', clientId: principal.id, scopes: principal.scopes ?? [], ...(principal.claims && { extra: principal.claims }) }
}
