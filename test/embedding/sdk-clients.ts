import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'

/** The real client of the SDK, connected to `url`: over HTTP+SSE if that ends in `/sse`. It leaves when the test ends. */
export async function connect (t: Test, url: string, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: 'embedded', version: '1' })
  const options = { requestInit: { headers } }
  await client.connect(url.endsWith('/sse') ? new SSEClientTransport(new URL(url), options) : new StreamableHTTPClientTransport(new URL(url), options))
  t.teardown(() => client.close())
  return client
}

/** What the tool `echo` answers over both transports of the endpoint at `base`. */
export async function echoes (t: Test, base: string, headers: Record<string, string> = {}): Promise<void> {
  for (const path of ['/mcp', '/sse']) {
    const client = await connect(t, base + path, headers)
    t.match(await client.callTool({ name: 'echo', arguments: { text: 'grüezi' } }), { content: [{ text: 'grüezi' }] }, path)
    if (client.transport instanceof StreamableHTTPClientTransport) await client.transport.terminateSession()
    await client.close()
  }
}

/** Listens on a port of its own until the test ends. */
export async function listen (t: Test, app: FastifyInstance): Promise<string> {
  t.teardown(async () => {
    const closed = app.close()
    // A client's spare socket that never sent a request would hold the server for a minute.
    app.server.closeAllConnections()
    await closed
  })
  return await app.listen({ port: 0, host: '127.0.0.1' })
}
