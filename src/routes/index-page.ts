import type { FastifyPluginAsync } from 'fastify'
import Negotiator from 'negotiator'
import { ErrorAnswer, IndexAnswer } from '../schemas/answers.js'
import { methodNotAllowed } from './method-not-allowed.js'

/** A server that the index names. */
export interface IndexEntry {
  /** The path segment under which it is served. */
  name: string
  /** What the server calls itself. */
  serverInfo: { name: string, version: string }
}

export interface IndexOptions {
  serverInfo: { name: string, version: string }
  servers: IndexEntry[]
}

const JSON_TYPE = 'application/json'
const HTML_TYPE = 'text/html'

/** Nothing is loaded, run or framed: the page is text. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** What is served here: a page for people, JSON for programs. It asks for a key where the servers do. */
const indexRoute: FastifyPluginAsync<IndexOptions> = async (fastify, { serverInfo, servers }) => {
  const answer = {
    service: serverInfo.name,
    version: serverInfo.version,
    servers: servers.map(({ name, serverInfo: { name: service, version } }) => ({ name, service, version, mcp: `/${name}/mcp`, sse: `/${name}/sse` }))
  }
  const page = pageOf(answer)

  fastify.get('/', {
    exposeHeadRoute: true,
    onRequest: fastify.authenticate,
    schema: { response: { 200: { content: { 'application/json': { schema: IndexAnswer } } }, '4xx': ErrorAnswer } }
  }, async (request, reply) => {
    reply.vary('Accept')
    void reply.cacheControl('no-store').header('x-content-type-options', 'nosniff')
    if (new Negotiator({ headers: { accept: request.headers.accept ?? '*/*' } }).mediaType([JSON_TYPE, HTML_TYPE]) !== HTML_TYPE) return answer
    return await reply.type('text/html; charset=utf-8').header('content-security-policy', CONTENT_SECURITY_POLICY).send(page)
  })
  methodNotAllowed(fastify, '/', undefined, ['GET', 'HEAD'])
}

function pageOf ({ service, version, servers }: { service: string, version: string, servers: { name: string, service: string, version: string, mcp: string, sse: string }[] }): string {
  const rows = servers.map(server => `<tr><th scope="row">${escape(server.name)}</th><td>${escape(server.service)} ${escape(server.version)}</td><td><code>${escape(server.mcp)}</code></td><td><code>${escape(server.sse)}</code></td></tr>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>MCP servers</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8886 }
</style>
</head>
<body>
<h1>MCP servers</h1>
<p>Give your MCP client this address with the path of the server that you want: <code>/…/mcp</code>, or for older clients <code>/…/sse</code>.</p>
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Server</th><th scope="col">Streamable HTTP</th><th scope="col">HTTP+SSE</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
<p>Served by ${escape(service)} ${escape(version)}.</p>
</body>
</html>
`
}

/** What a server calls itself is not ours to trust. */
function escape (text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, character => entities[character] as string)
}

export default indexRoute
