import { EnvironmentSchema, type Config } from './config.js'
import { MASK, maskArguments, maskText } from './mask.js'
import type { ServerSource } from './servers/server-source.js'
import type { Serving } from './servers/serving.js'

/** What `--print-config` prints: what would be served, and every setting with the value that holds; secrets masked. JSON, for programs too. */
export function printConfig ({ environment, endpoint }: Config, serving: Serving): string {
  const holds = {
    ...environment,
    API_KEYS: endpoint.apiKeys.map(() => MASK).join(','),
    API_KEY_REQUIRED: endpoint.apiKeyRequired,
    ALLOWED_HOSTS: endpoint.allowedHosts.join(',')
  }
  // In the order of the settings table.
  const settings = Object.fromEntries((Object.keys(EnvironmentSchema.properties) as (keyof typeof holds)[]).map(name => [name, holds[name]]))
  const servers = serving.kind === 'single'
    ? [{ mcp: '/mcp', sse: '/sse', ...describe(serving.source) }]
    : serving.servers.map(({ name, source }) => ({ name, mcp: `/${name}/mcp`, sse: `/${name}/sse`, ...describe(source) }))
  return `${JSON.stringify({ servers, settings }, null, 2)}\n`
}

function describe (source: ServerSource): object {
  switch (source.kind) {
    case 'bundled': return { bundled: 'aareguru-mcp' }
    case 'module': return { module: maskText(source.file) }
    case 'command': {
      const { command, args, env, cwd } = source.command
      return { command, args: maskArguments(args), ...(cwd !== undefined && { cwd }), env: Object.fromEntries(Object.keys(env).map(name => [name, MASK])) }
    }
  }
}
