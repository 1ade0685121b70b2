/** What `--help` says. */
export const help = `Usage: mcp-weir [options] [module | -- command args…]

Serves an MCP server over HTTP, at /mcp (Streamable HTTP) and /sse (HTTP+SSE).

What is served:
  (nothing)            the bundled aareguru-mcp: temperature, flow and swimming safety of the river Aare
  module               a JavaScript file whose default export builds a server, once for each session
  -- command args…     a command that speaks MCP over stdio, in a process of its own for each session
  --config FILE        the mcpServers of an mcp.json, each under /NAME/mcp and /NAME/sse

The environment of a command after --, which sees little else than PATH and HOME:
  --env NAME=VALUE     sets a variable (repeatable)
  --pass-env NAME      passes on a variable of this environment or of .env (repeatable)

Where, and what is said of it:
  --host HOST          address to listen on (HTTP_HOST, default 127.0.0.1)
  --port PORT          port to listen on, 0 picks one (HTTP_PORT, default 8000)
  --log-level LEVEL    fatal, error, warn, info, debug, trace or silent (LOG_LEVEL, default info)

Instead of serving:
  --print-config       prints what would be served and every setting, secrets masked
  -h, --help           this text
  -v, --version        the version

Examples:
  mcp-weir ./my-server.js
  mcp-weir --port 9000 -- npx -y @modelcontextprotocol/server-filesystem /srv/files
  mcp-weir --pass-env GITHUB_TOKEN -- docker run -i --rm -e GITHUB_TOKEN ghcr.io/github/github-mcp-server
  API_KEYS=$(openssl rand -hex 32) mcp-weir --host 0.0.0.0 --config mcp.json

All other settings are environment variables, or lines of a file .env: see the README.
`
