import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import { fixtureServer } from '../fixture-server.js'

const transports = new Map<string, StreamableHTTPServerTransport>()

/** Streamable HTTP as in the SDK's own example, without its event store and its log lines. */
export async function handle (request: IncomingMessage, response: ServerResponse, body?: unknown): Promise<void> {
  const id = request.headers['mcp-session-id']
  const transport = typeof id === 'string' ? transports.get(id) : isInitializeRequest(body) ? await open() : undefined
  if (transport === undefined) response.writeHead(id === undefined ? 400 : 404, { 'content-length': 0 }).end()
  else await transport.handleRequest(request, response, body)
}

async function open (): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: id => { transports.set(id, transport) }
  })
  transport.onclose = () => { transports.delete(transport.sessionId ?? '') }
  await fixtureServer().connect(transport)
  return transport
}
