import type { AddressInfo } from 'node:net'
import Fastify, { LogController } from 'fastify'
import { pino } from 'pino'
import type * as Package from '../../src/index.js'
import type * as Servers from '../../src/servers/child-processes.js'
import { API_KEY } from '../raw-client.js'
import { BARE_SERVER, ECHO_SERVER } from '../stdio/command.js'
import { answerParent } from './reports.js'

// The built package; the types are of the source, so that a check of the types needs no build.
const name: string = 'mcp-weir'
const { default: weir } = await import(name) as typeof Package
const { ChildProcesses } = await import(new URL('../../dist/servers/child-processes.js', import.meta.url).href) as typeof Servers

const children = new ChildProcesses({ max: 1_000, lineLimitBytes: 4_194_304 })
const fastify = Fastify({
  loggerInstance: pino({ level: 'info' }, pino.destination({ dest: '/dev/null', sync: true })),
  logController: new LogController({ disableRequestLogging: true })
})
await fastify.register(weir, {
  createServer: children.createServer({ ...process.argv[2] === 'bare' ? BARE_SERVER : ECHO_SERVER, env: {} }),
  serverInfo: { name: 'fixture', version: '1.0.0' },
  apiKeys: [API_KEY],
  maxSessionsPerClient: 1_000
})
await fastify.listen({ host: '127.0.0.1', port: 0 })
answerParent((fastify.server.address() as AddressInfo).port)
