import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { WeirOptions } from '../../src/index.js'
import { loopbackNames } from '../../src/net.js'
import { registerAskingTools } from './asking-tools.js'
import { registerPrompts } from './prompts.js'
import { registerResources } from './resources.js'
import { registerTools } from './tools.js'

/**
 * The server that the official conformance suites expect behind the URL they test: what they look for is named, word for
 * word, in the descriptions of their scenarios. Completion, logging/setLevel and ping are the SDK's own.
 */
export function createConformanceServer (): McpServer {
  const server = new McpServer({ name: 'conformance-fixture', version: '1.0.0' }, { capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } } })
  registerTools(server)
  registerAskingTools(server)
  registerResources(server)
  registerPrompts(server)
  return server
}

/** What Weir is given to be tested: the command's own setting on loopback, where the suites try DNS rebinding; a plugin checks no Host unless told. */
export const conformanceOptions: WeirOptions = { createServer: createConformanceServer, allowedHosts: loopbackNames }
