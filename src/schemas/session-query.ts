import { Type } from '@sinclair/typebox'

/** The query of `POST /messages`: one session id, as `GET /sse` gave it. */
export const SessionQuery = Type.Object({
  session_id: Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' })
})
