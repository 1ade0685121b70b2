import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import Fastify, { LogController } from 'fastify'
import { pino } from 'pino'
import type * as Package from '../../src/index.js'
import { fixtureServer } from '../fixture-server.js'
import { API_KEY } from '../raw-client.js'
import { answerParent } from './reports.js'

// The built package, by its own name; the types are of the source, so that a check of the types needs no build.
const name: string = 'mcp-weir'
const { default: weir } = await import(name) as typeof Package

let onFlooded = () => {}
const instances = new Set<McpServer>()

// What a benchmark wants otherwise: plain options of the plugin as JSON.
const own = process.argv.find(argument => argument.startsWith('{')) ?? '{}'

function createServer (): McpServer {
  const server = fixtureServer(() => { onFlooded() })
  instances.add(server)
  server.server.onclose = () => { instances.delete(server) }
  return server
}

// As the command builds it: requests are logged at `debug`, which `info` does not write. `request-log` writes Fastify's two lines.
const fastify = Fastify({
  loggerInstance: pino({ level: 'info' }, pino.destination({ dest: '/dev/null', sync: true })),
  logController: new LogController({ disableRequestLogging: !process.argv.includes('request-log') }),
  genReqId: () => randomUUID()
})

// Every plugin is on, with limits that no benchmark reaches.
await fastify.register(weir, {
  createServer,
  serverInfo: { name: 'fixture', version: '1.0.0' },
  apiKeys: [API_KEY],
  allowedHosts: ['127.0.0.1', 'localhost'],
  corsOrigins: ['https://app.example.com'],
  rateLimitPerMinute: 1_000_000_000,
  maxSessions: 100_000,
  maxSessionsPerClient: 100_000,
  ...JSON.parse(own) as Package.WeirOptions
})
await fastify.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 })
onFlooded = answerParent((fastify.server.address() as AddressInfo).port, { instances: () => instances.size }).onFlooded
