import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { Type } from '@sinclair/typebox'

/** Who sends a request, and so who owns the session that it opens: what `authenticate` returns. */
export interface Principal {
  /** Stable and unique: two principals of one id would own each other's sessions. Appears in logs, so it is no secret. */
  id: string
  /** What it may do: handed to the server's handlers as `authInfo.scopes`. Weir itself asks for none. */
  scopes?: string[]
  /** What else is known of it: handed to the server's handlers as `authInfo.extra`. */
  claims?: Record<string, unknown>
}

/** The rules of a principal, for one that a host returns. */
export const PrincipalSchema = Type.Object({
  id: Type.String({ minLength: 1 }),
  scopes: Type.Optional(Type.Array(Type.String())),
  claims: Type.Optional(Type.Record(Type.String(), Type.Unknown()))
})

/** Who sends a request without a key, where none is asked for. */
export const ANONYMOUS: Principal = Object.freeze({ id: 'anonymous' })

/** What a server's handlers see of the caller: never a key. */
export function authInfoOf (principal: Principal): AuthInfo | undefined {
  if (principal === ANONYMOUS) return undefined
  return { token: '', clientId: principal.id, scopes: principal.scopes ?? [], ...(principal.claims && { extra: principal.claims }) }
}
