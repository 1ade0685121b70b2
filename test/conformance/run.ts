import Fastify from 'fastify'
import weir from '../../src/index.js'
import { conformanceOptions } from './fixture-server.js'
import { conforms, runSuite, SUITES } from './suites.js'

// Runs the official conformance suites against Weir, prints what they say, and fails if a check does.

const app = Fastify()
await app.register(weir, conformanceOptions)
const address = await app.listen({ host: '127.0.0.1', port: 0 })

for (const suite of SUITES) {
  const result = await runSuite(suite, `${address}/mcp`)
  const passed = conforms(suite, result)
  if (!passed) process.exitCode = 1
  // A suite ends with its summary; how it came to that matters only when a check failed.
  console.log(`=== ${suite.name} ${suite.args.join(' ')}\n${passed ? result.output.slice(result.output.indexOf('=== SUMMARY')) : result.output}`)
  for (const complaint of result.complaints) console.log(complaint)
  console.log(`${passed ? 'Conforms' : 'DOES NOT CONFORM'}: ${result.passed} passed (at least ${suite.passes} must), ${result.failed} failed, ${result.warnings} warnings\n`)
}

await app.close()
