import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { Implementation } from '@modelcontextprotocol/sdk/types.js'
import { McpServer as McpServerV2, Server as ServerV2 } from '@modelcontextprotocol/server'
import type { Static } from '@sinclair/typebox'
import Fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, type FastifyPluginAsync, type FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import { describe, expect, test } from 'tstyche'
import weir, {
  type Authenticate, type CreateServer, type MetricsSnapshot, type Principal, type ServerContext, type ServerInstance, type SessionInfo,
  type TransportName, type WeirEndpoint, type WeirError, type WeirNotification, type WeirOptions, type WeirSessions
} from '../../src/index.js'
import type { PlainOptions } from '../../src/options.js'

const app: FastifyInstance = Fastify()

describe('the plugin', () => {
  test('is an asynchronous plugin of Fastify\'s, with options that may all be left out', () => {
    expect(weir).type.toBe<FastifyPluginAsync<WeirOptions>>()
    expect(app.register).type.toBeCallableWith(weir)
    expect(app.register).type.toBeCallableWith(weir, { prefix: '/ai', apiKeys: ['key'], createServer: ({ principal }: ServerContext) => new McpServer({ name: principal.id, version: '1' }) })
    expect<WeirOptions>().type.toBeAssignableFrom({})
  })

  test('refuses options that are wrong, or that there are not', () => {
    expect(app.register).type.not.toBeCallableWith(weir, { maxSessions: 'many' })
    expect(app.register).type.not.toBeCallableWith(weir, { apiKeys: 'key' })
    expect(app.register).type.not.toBeCallableWith(weir, { createServer: new McpServer({ name: 'one for all', version: '1' }) })
    expect(app.register).type.not.toBeCallableWith(weir, { authenticate: () => 'ada' })
    expect(app.register).type.not.toBeCallableWith(weir, { corsOrigins: 'https://app.example.com' })
    expect(app.register).type.not.toBeCallableWith(weir, { sessionTimeout: 5 })
  })

  test('adds its handles to the application', () => {
    expect(app.mcp).type.toBe<WeirEndpoint>()
    expect(app.mcpEndpoints).type.toBe<Map<string, WeirEndpoint>>()
  })
})

test('every option has the type of its rule', () => {
  expect<WeirOptions>().type.toBe<{
    prefix?: string
    name?: string
    serverInfo?: { name: string, version: string }
    apiKeys?: string[]
    apiKeyRequired?: boolean
    corsOrigins?: '*' | string[]
    allowedHosts?: string[]
    contextHeaders?: string[]
    rateLimitPerMinute?: number
    rateLimitPerSessionPerMinute?: number
    sessionTimeoutSeconds?: number
    cleanupIntervalSeconds?: number
    heartbeatSeconds?: number
    maxSessions?: number
    maxSessionsPerClient?: number
    metricsRequireKey?: boolean
    streamBufferBytes?: number
    bodyLimitBytes?: number
    sessionHibernateSeconds?: number
    drainTimeoutSeconds?: number
    createServer?: CreateServer
    authenticate?: Authenticate
  }>()
  expect<Omit<WeirOptions, 'createServer' | 'authenticate'>>().type.toBe<Partial<Static<typeof PlainOptions>>>()
})

describe('createServer', () => {
  test('is given what it builds an instance for', () => {
    expect<Parameters<CreateServer>>().type.toBe<[context: ServerContext]>()
    expect<ServerContext>().type.toBe<{
      readonly principal: Principal
      readonly transport: TransportName
      readonly sessionHash: string
      readonly clientInfo: Implementation | undefined
      readonly headers: Readonly<Record<string, string | string[]>>
      readonly log: FastifyBaseLogger
      readonly signal: AbortSignal
    }>()
    expect<TransportName>().type.toBe<'sse' | 'streamable'>()
  })

  test('returns an instance, or promises one: high-level or low-level, of SDK v1 or v2', () => {
    const info = { name: 'mine', version: '1' }
    for (const server of [new McpServer(info), new Server(info), new McpServerV2(info), new ServerV2(info)] as const) {
      expect<ServerInstance>().type.toBeAssignableFrom(server)
    }
    expect<CreateServer>().type.toBeAssignableFrom(() => new McpServer(info))
    expect<CreateServer>().type.toBeAssignableFrom(async () => new Server(info))
    expect<CreateServer>().type.toBeAssignableFrom(() => new McpServerV2(info))
    expect<CreateServer>().type.toBeAssignableFrom(async () => new ServerV2(info))
    expect<CreateServer>().type.not.toBeAssignableFrom(() => {})
    expect<CreateServer>().type.not.toBeAssignableFrom(() => ({ connect: async () => {} }))
  })
})

test('authenticate says who sends a request, or null, now or later', () => {
  expect<Parameters<Authenticate>>().type.toBe<[request: FastifyRequest]>()
  expect<ReturnType<Authenticate>>().type.toBe<Principal | null | Promise<Principal | null>>()
  expect<Principal>().type.toBe<{ id: string, scopes?: string[], claims?: Record<string, unknown> }>()
  expect<Authenticate>().type.toBeAssignableFrom(async () => null)
  expect<Authenticate>().type.not.toBeAssignableFrom(() => ({ scopes: ['read'] }))
  expect<Authenticate>().type.not.toBeAssignableFrom(() => undefined)
})

describe('the handle', () => {
  test('of an endpoint', () => {
    expect<WeirEndpoint['sessions']>().type.toBe<WeirSessions>()
    expect<WeirEndpoint['metrics']['snapshot']>().type.toBe<() => MetricsSnapshot>()
    expect<WeirEndpoint['metrics']['registry']>().type.toBe<Registry>()
    expect<WeirEndpoint['broadcast']>().type.toBe<(notification: WeirNotification) => number>()
    expect<WeirEndpoint['drain']>().type.toBe<() => Promise<void>>()
    expect<WeirNotification>().type.toBe<{ method: string, params?: Record<string, unknown> }>()
    expect<WeirNotification>().type.not.toBeAssignableFrom('notifications/tools/list_changed')
  })

  test('of its sessions, of which no id is told', () => {
    expect<WeirSessions>().type.toBe<{
      readonly size: number
      readonly draining: boolean
      readonly hasRoom: boolean
      list (): SessionInfo[]
      closeByOwner (principalId: string): Promise<number>
    }>()
    expect<SessionInfo>().type.toBe<{
      readonly hash: string
      readonly owner: string
      readonly transport: TransportName
      readonly createdAt: Date
      readonly idleSeconds: number
      readonly requestsInFlight: number
      readonly protocolVersion: string | undefined
      readonly clientInfo: Implementation | undefined
      readonly hibernated: boolean
    }>()
  })

  test('of its metrics', () => {
    expect<MetricsSnapshot>().type.toBe<{
      uptime_seconds: number
      active_connections: number
      total_connections: number
      total_messages: number
      total_errors: number
      endpoint_calls: Record<string, number>
      endpoint_errors: Record<string, number>
      active_sessions: number
    }>()
  })
})

test('an error of Weir\'s is one of Fastify\'s, with what to do about it', () => {
  expect<WeirError>().type.toBeAssignableTo<FastifyError>()
  expect<Pick<WeirError, 'code' | 'statusCode' | 'detail' | 'headers' | 'rpcCode'>>().type.toBe<{
    code: string
    statusCode: number
    detail?: string
    headers?: Record<string, string>
    rpcCode?: number
  }>()
})
