import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'
import type { WeirEndpoint } from './endpoint.js'
import type { Metrics } from './plugins/metrics.js'
import type { MetricsSnapshot } from './schemas/answers.js'

/** The numbers of several endpoints. */
export interface GatewaySnapshot extends MetricsSnapshot {
  /** Those of each endpoint, by its name. */
  servers: Record<string, MetricsSnapshot>
}

/** What a request counts that is for no endpoint; all else in `own` stays at 0 and says nothing. */
const ofProcess = ['mcp_uptime_seconds', 'mcp_auth_failures_total', 'mcp_http_requests_total', 'mcp_http_errors_total', 'mcp_child_processes']

/** Sums the numbers of endpoints, and of what the process answers beside them. */
export function combineSnapshots (endpoints: ReadonlyMap<string, Pick<WeirEndpoint, 'metrics'>>, own: Metrics): GatewaySnapshot {
  const servers = Object.fromEntries([...endpoints].map(([name, { metrics }]) => [name, metrics.snapshot()]))
  const all = [...Object.values(servers), own.snapshot()]
  const sum = (read: (numbers: MetricsSnapshot) => number) => all.reduce((total, numbers) => total + read(numbers), 0)
  const sums = (key: 'endpoint_calls' | 'endpoint_errors') => Object.fromEntries(Object.keys(own.endpointCalls).map(name => [name, sum(numbers => Number(numbers[key][name]))]))
  return {
    uptime_seconds: own.uptimeSeconds,
    active_connections: sum(numbers => numbers.active_connections),
    total_connections: sum(numbers => numbers.total_connections),
    total_messages: sum(numbers => numbers.total_messages),
    total_errors: sum(numbers => numbers.total_errors),
    endpoint_calls: sums('endpoint_calls'),
    endpoint_errors: sums('endpoint_errors'),
    active_sessions: sum(numbers => numbers.active_sessions),
    servers
  }
}

/** The same for Prometheus: what is an endpoint's has the label `server`. */
export async function combineRegistries (endpoints: ReadonlyMap<string, Pick<WeirEndpoint, 'metrics'>>, own: Metrics): Promise<Registry> {
  const named = [...endpoints].map(async ([server, { metrics }]) => (await metrics.registry.getMetricsAsJSON()).map(metric => labelled(metric, server)))
  const unnamed = (await own.registry.getMetricsAsJSON()).filter(({ name }) => !name.startsWith('mcp_') || ofProcess.includes(name))
  return AggregatorRegistry.aggregate([unnamed, ...await Promise.all(named)])
}

function labelled (metric: MetricObjectWithValues<MetricValue<string>>, server: string): MetricObjectWithValues<MetricValue<string>> {
  return { ...metric, values: metric.values.map(value => ({ ...value, labels: { ...value.labels, server } })) }
}
