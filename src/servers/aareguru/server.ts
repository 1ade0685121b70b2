import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv'
import { AareguruClient } from './client.js'
import { createPrompts } from './prompts.js'
import { cityCompletion, createResources } from './resources.js'
import { registerTools } from './tools.js'

export interface AareguruOptions {
  /** The version of this package, shown to MCP clients and sent upstream. */
  version: string
  /** Where the API is, `https://aareguru.existenz.ch` by default. */
  baseUrl?: string | undefined
  /** The name that upstream knows us by, `mcp-weir` by default. */
  app?: string | undefined
  /** Seconds for which an answer is not asked for again, 120 by default: upstream asks for no less. */
  cacheTtlSeconds?: number | undefined
  /** Seconds that upstream has for an answer, 30 by default. */
  timeoutSeconds?: number | undefined
  /** Clock in milliseconds, `Date.now` by default. */
  now?: (() => number) | undefined
}

export interface Aareguru {
  /** A fresh server, for one session; all of them share `client`. */
  createServer: () => McpServer
  serverInfo: { name: string, version: string }
  client: AareguruClient
}

const INSTRUCTIONS = 'Temperature, flow and swimming safety of the Swiss river Aare. People decide by this whether they go into the water: ' +
  'look at the danger level before you recommend anything, pass on every warning and notice, and name the sources that `attribution` gives. ' +
  'If `simulated` is true the data are not of the river: say so.'

/**
 * The bundled MCP server `aareguru-mcp`.
 * @throws TypeError if `baseUrl` is no http or https URL.
 */
export function createAareguru ({
  version,
  baseUrl = 'https://aareguru.existenz.ch',
  app = 'mcp-weir',
  cacheTtlSeconds = 120,
  timeoutSeconds = 30,
  now = Date.now
}: AareguruOptions): Aareguru {
  const client = new AareguruClient({ baseUrl, app, version, cacheTtlSeconds, timeoutSeconds, now })
  const serverInfo = { name: 'aareguru-mcp', version }
  const completeCity = cityCompletion(client)
  const registerResources = createResources(client, completeCity)
  const registerPrompts = createPrompts(completeCity)
  // Each server would else build a validator of its own: most of what an instance costs.
  const jsonSchemaValidator = new AjvJsonSchemaValidator()

  return {
    client,
    serverInfo,
    createServer () {
      const server = new McpServer(serverInfo, { instructions: INSTRUCTIONS, jsonSchemaValidator })
      registerTools(server, client)
      registerResources(server)
      registerPrompts(server)
      return server
    }
  }
}
