#!/usr/bin/env node
import { parseCommandLine } from './command-line.js'
import { loadConfig, loadEnvironment } from './config.js'
import { errors } from './errors.js'
import { help } from './help.js'
import { printConfig } from './print-config.js'
import { serve } from './server.js'
import { servingOf } from './servers/serving.js'
import { version } from './version.js'

/** Runs the command. Every failure is one line on stderr and exit code 1. */
async function main (): Promise<void> {
  const commandLine = parseCommandLine(process.argv.slice(2))
  if (commandLine.action === 'help') return print(help)
  if (commandLine.action === 'version') return print(`${version}\n`)

  const config = loadConfig({ overrides: commandLine.overrides })
  const serving = servingOf(commandLine.requested, loadEnvironment())
  if (commandLine.action === 'print-config') return print(printConfig(config, serving))
  await serve(config, serving)
}

function print (text: string): void {
  process.stdout.write(text)
}

try {
  await main()
} catch (error) {
  const { message, detail = message, code } = error as Error & { detail?: string, code?: string }
  // A signal came while it started: what ends the process is at work already.
  if (code !== errors.interrupted().code) {
    // What was loaded may hold the process: it ends all the same.
    process.stderr.write(`mcp-weir: ${detail}\n`, () => process.exit(1))
  }
}
