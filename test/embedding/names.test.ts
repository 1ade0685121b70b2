// Names that a host has for its own.
import Fastify from 'fastify'
import { test } from 'tap'
import weir from '../../src/index.js'
import { fixtureServer } from '../helper.js'
import { echoes, listen } from './sdk-clients.js'

const onApp = ['sessions', 'metrics', 'authenticate', 'requireKey', 'limitSession']

test('a host may have the names that Weir has inside, before or after it', async t => {
  for (const order of ['before', 'after']) {
    const app = Fastify()
    const decorate = () => { for (const name of onApp) app.decorate(name as never, `the host's ${name}` as never) }
    if (order === 'before') decorate()
    await app.register(weir, { prefix: '/ai', createServer: () => fixtureServer(), drainTimeoutSeconds: 1 })
    if (order === 'after') decorate()
    const url = await listen(t, app)
    await echoes(t, `${url}/ai`)
    for (const name of onApp) t.equal((app as never)[name], `the host's ${name}`)
  }
})

for (const name of ['mcpSession', 'mcpPrincipal', 'mcpEndpoint']) {
  test(`a host that has ${name} on its requests is told so`, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    app.decorateRequest(name as 'mcpSession', null)
    await t.rejects(async () => { await app.register(weir, { createServer: () => fixtureServer() }) }, { code: 'FST_ERR_DEC_ALREADY_PRESENT', message: new RegExp(name) })
  })
}
