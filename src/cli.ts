#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { loadConfig } from './config.js'
import { serve } from './server.js'
import { version } from './version.js'

const help = `Usage: mcp-weir [options]

Serves aareguru-mcp, temperature, flow and swimming safety of the river Aare, to MCP clients over HTTP.

  --host HOST        address to listen on (HTTP_HOST, default 127.0.0.1)
  --port PORT        port to listen on, 0 picks one (HTTP_PORT, default 8000)
  --log-level LEVEL  fatal, error, warn, info, debug, trace or silent (LOG_LEVEL, default info)
  --help             this text
  --version          the version

All other settings are environment variables, or lines of a file .env: see the README.
`

/** Runs the command. Every failure is one line on stderr and exit code 1. */
async function main (): Promise<void> {
  const { values } = parseArgs({
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      'log-level': { type: 'string' },
      help: { type: 'boolean' },
      version: { type: 'boolean' }
    }
  })
  if (values.help === true) return print(help)
  if (values.version === true) return print(`${version}\n`)
  const { host, port, 'log-level': logLevel } = values
  await serve(loadConfig({
    overrides: {
      ...(host !== undefined && { HTTP_HOST: host }),
      ...(port !== undefined && { HTTP_PORT: port }),
      ...(logLevel !== undefined && { LOG_LEVEL: logLevel })
    }
  }))
}

function print (text: string): void {
  process.stdout.write(text)
}

try {
  await main()
} catch (error) {
  const { message, detail = message } = error as Error & { detail?: string }
  process.stderr.write(`mcp-weir: ${detail}\n`)
  process.exitCode = 1
}
