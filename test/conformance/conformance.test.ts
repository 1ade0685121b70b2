import { test } from 'tap'
import { build } from '../helper.js'
import { conformanceOptions } from './fixture-server.js'
import { conforms, runSuite, SUITES } from './suites.js'

for (const suite of SUITES) {
  test(`${suite.name} ${suite.args.join(' ')}: no check fails`, async t => {
    const { url } = await build(t, conformanceOptions)
    const result = await runSuite(suite, `${url}/mcp`)
    t.equal(result.failed, 0, 'nothing failed', { complaints: result.complaints })
    t.ok(conforms(suite, result), `${result.passed} checks passed, at least ${suite.passes} must`, { output: result.output })
  })
}

test('a suite that finds no server, or does not run at all, does not pass', async t => {
  // Port 9, "discard": nobody listens there.
  const nowhere = 'http://127.0.0.1:9/mcp'
  for (const suite of SUITES) {
    const unreachable = await runSuite(suite, nowhere)
    t.ok(unreachable.failed > 0)
    t.notOk(conforms(suite, unreachable))
    t.notOk(conforms(suite, await runSuite({ ...suite, args: ['--no-such-option'] }, nowhere)))
  }
})
