import { Type, type Static } from '@sinclair/typebox'

/** The shape of every error outside JSON-RPC. */
export const ErrorAnswer = Type.Object({
  error: Type.String({ description: 'What is wrong' }),
  detail: Type.Optional(Type.String({ description: 'What to do, or what was seen' })),
  requestId: Type.String()
})

/** JSON-RPC 2.0, section 5.1. */
export const RpcErrorAnswer = Type.Object({
  jsonrpc: Type.Literal('2.0'),
  id: Type.Union([Type.String(), Type.Number(), Type.Null()]),
  error: Type.Object({ code: Type.Integer(), message: Type.String(), data: Type.Optional(Type.Unknown()) })
})

export const HealthAnswer = Type.Object({
  status: Type.Literal('healthy'),
  service: Type.String(),
  version: Type.String()
})

export const LiveAnswer = Type.Object({ status: Type.Literal('alive') })

export const ReadyAnswer = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('draining'), Type.Literal('unavailable')]),
  checks: Type.Object({
    accepting: Type.Union([Type.Literal('ok'), Type.Literal('draining')]),
    capacity: Type.Union([Type.Literal('ok'), Type.Literal('full')])
  })
})

const Count = Type.Integer({ minimum: 0 })

export const MetricsAnswer = Type.Object({
  metrics: Type.Object({
    uptime_seconds: Type.Number(),
    active_connections: Count,
    total_connections: Count,
    total_messages: Count,
    total_errors: Count,
    endpoint_calls: Type.Record(Type.String(), Count),
    endpoint_errors: Type.Record(Type.String(), Count),
    active_sessions: Count
  }),
  config: Type.Object({
    session_timeout_seconds: Type.Number(),
    cleanup_interval_seconds: Type.Number()
  })
})

/** What several servers' index says to programs. */
export const IndexAnswer = Type.Object({
  service: Type.String(),
  version: Type.String(),
  servers: Type.Array(Type.Object({
    name: Type.String({ description: 'The path segment under which it is served' }),
    service: Type.String({ description: 'What the server calls itself' }),
    version: Type.String(),
    mcp: Type.String({ description: 'Path of Streamable HTTP' }),
    sse: Type.String({ description: 'Path of HTTP+SSE' })
  }))
})

/** What is counted. */
export type MetricsSnapshot = Static<typeof MetricsAnswer>['metrics']
