import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, Gauge, Registry } from 'prom-client'
import type { MetricsSnapshot } from '../schemas/answers.js'
import { closeReasons, type CloseReason } from '../sessions/session-types.js'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
  interface FastifyRequest {
    /** Under which key the request was counted; null for one that the host refused before it came here. */
    mcpEndpoint: EndpointName | null
  }
  interface FastifyContextConfig {
    /** The key under which a route's calls and errors are counted. */
    endpoint?: EndpointName
  }
}

export const endpointNames = ['health', 'metrics', 'sse', 'messages', 'mcp'] as const
export type EndpointName = typeof endpointNames[number]

/** The numbers of one endpoint. Each moves in one place: a plain field, read by Prometheus when it asks. */
export class Metrics {
  readonly #startedAt = performance.now()
  /** A registry of its own for each endpoint: prom-client's global one throws on a second. */
  readonly registry = new Registry()
  readonly endpointCalls: Record<EndpointName, number> = { health: 0, metrics: 0, sse: 0, messages: 0, mcp: 0 }
  readonly endpointErrors: Record<EndpointName, number> = { health: 0, metrics: 0, sse: 0, messages: 0, mcp: 0 }
  readonly sessionsClosed = Object.fromEntries(closeReasons.map(reason => [reason, 0])) as Record<CloseReason, number>
  /** How many sessions are open: asked of who keeps them. */
  activeSessions = (): number => 0
  activeConnections = 0
  totalConnections = 0
  /** Messages from clients. */
  messagesReceived = 0
  messagesSent = 0
  messagesDropped = 0
  sessionsOpened = 0
  authFailures = 0
  /** Errors of server instances, which no HTTP status tells of. */
  serverErrors = 0

  get totalErrors (): number {
    return Object.values(this.endpointErrors).reduce((sum, count) => sum + count, this.serverErrors)
  }

  get uptimeSeconds (): number {
    return Math.round(performance.now() - this.#startedAt) / 1_000
  }

  constructor () {
    this.gauge('mcp_uptime_seconds', 'Seconds since the endpoint started', () => this.uptimeSeconds)
    this.gauge('mcp_connections_active', 'Event streams that are open', () => this.activeConnections)
    this.#counter('mcp_connections_total', 'Event streams that were opened', () => this.totalConnections)
    this.#counter('mcp_sessions_opened_total', 'Sessions that were opened', () => this.sessionsOpened)
    this.#counters('mcp_sessions_closed_total', 'Sessions that ended, by reason', 'reason', this.sessionsClosed)
    this.#counter('mcp_messages_received_total', 'JSON-RPC messages from clients', () => this.messagesReceived)
    this.#counter('mcp_messages_sent_total', 'JSON-RPC messages to clients', () => this.messagesSent)
    this.#counter('mcp_messages_dropped_total', 'Messages that no client could be given', () => this.messagesDropped)
    this.#counter('mcp_auth_failures_total', 'Requests without a valid key', () => this.authFailures)
    this.#counter('mcp_server_errors_total', 'Errors of server instances', () => this.serverErrors)
    this.#counters('mcp_http_requests_total', 'Requests, by endpoint', 'endpoint', this.endpointCalls)
    this.#counters('mcp_http_errors_total', 'Requests answered with 4xx or 5xx, by endpoint', 'endpoint', this.endpointErrors)
  }

  connectionOpened (): void {
    this.activeConnections++
    this.totalConnections++
  }

  connectionClosed (): void {
    this.activeConnections--
  }

  /** The numbers in the shape of `GET /metrics`. */
  snapshot (): MetricsSnapshot {
    return {
      uptime_seconds: this.uptimeSeconds,
      active_connections: this.activeConnections,
      total_connections: this.totalConnections,
      total_messages: this.messagesReceived,
      total_errors: this.totalErrors,
      endpoint_calls: { ...this.endpointCalls },
      endpoint_errors: { ...this.endpointErrors },
      active_sessions: this.activeSessions()
    }
  }

  /** Lets Prometheus see a number that somebody else keeps. */
  gauge (name: string, help: string, read: () => number): void {
    this.registry.registerMetric(new Gauge({ name, help, registers: [], collect () { this.set(read()) } }))
  }

  #counter (name: string, help: string, read: () => number): void {
    this.registry.registerMetric(new Counter({ name, help, registers: [], collect () { this.reset(); this.inc(read()) } }))
  }

  #counters (name: string, help: string, label: string, counts: Record<string, number>): void {
    this.registry.registerMetric(new Counter({
      name,
      help,
      registers: [],
      labelNames: [label],
      collect () { for (const [value, count] of Object.entries(counts)) { this.remove(value); this.inc({ [label]: value }, count) } }
    }))
  }
}

/** Decorates `metrics` and counts every route that names an endpoint in its config. */
async function metricsPlugin (fastify: FastifyInstance): Promise<void> {
  const metrics = new Metrics()
  fastify.decorate('metrics', metrics)
  fastify.decorateRequest('mcpEndpoint', null)

  fastify.addHook('onRequest', (request, _reply, done) => {
    const { endpoint } = request.routeOptions.config
    if (endpoint !== undefined) {
      metrics.endpointCalls[endpoint]++
      request.mcpEndpoint = endpoint
    }
    done()
  })

  // A client that went away has no response to count: `onResponse` does not run for it.
  fastify.addHook('onResponse', (request, reply, done) => {
    if (request.mcpEndpoint !== null && reply.statusCode >= 400) metrics.endpointErrors[request.mcpEndpoint]++
    done()
  })
}

export default fp(metricsPlugin, { name: 'weir-metrics', fastify: '5.x' })
