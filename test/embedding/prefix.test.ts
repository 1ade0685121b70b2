// The prefix is honoured everywhere, also inside a host's own.
import Fastify from 'fastify'
import { test } from 'tap'
import weir from '../../src/index.js'
import { build, fixtureServer, RawClient } from '../helper.js'
import { echoes, listen } from './sdk-clients.js'

/** Where the endpoint is in each of these applications. */
const placed: Record<string, { prefix?: string, hostPrefix?: string, base: string }> = {
  'without a prefix': { base: '' },
  'under a prefix': { prefix: '/ai', base: '/ai' },
  'under a prefix of two': { prefix: '/ai/v1', base: '/ai/v1' },
  'under a prefix inside the host\'s': { prefix: '/ai', hostPrefix: '/app', base: '/app/ai' },
  'inside the host\'s prefix': { hostPrefix: '/app', base: '/app' }
}

for (const [where, { prefix, hostPrefix, base }] of Object.entries(placed)) {
  test(`${where} each route is where it should be, and nowhere else`, async t => {
    const app = Fastify()
    const options = { createServer: () => fixtureServer(), drainTimeoutSeconds: 1, ...(prefix !== undefined && { prefix }) }
    if (hostPrefix === undefined) await app.register(weir, options)
    else await app.register(async scope => { await scope.register(weir, options) }, { prefix: hostPrefix })
    app.get('/own', async () => 'own')
    const url = await listen(t, app)

    await echoes(t, url + base)
    const client = await RawClient.session(url, {}, `${base}/sse`)
    t.ok(client.endpoint.startsWith(`${base}/messages?session_id=`), client.endpoint)
    client.close()
    for (const path of ['/health', '/health/live', '/health/ready', '/metrics']) t.equal((await fetch(url + base + path)).status, 200, path)
    for (const path of ['/health', '/metrics', '/sse', '/messages', '/mcp']) t.equal((await fetch(url + base + path, { method: 'PUT' })).status, 405, path)

    t.equal(await (await fetch(`${url}/own`)).text(), 'own')
    const foreign = await (await fetch(`${url}/nope`)).json() as object
    t.match(foreign, { statusCode: 404, message: 'Route GET:/nope not found' }, 'the host\'s own 404')
    const nope = await fetch(`${url}${base}/nope`)
    t.equal(nope.status, 404)
    if (prefix !== undefined || hostPrefix !== undefined) t.match(await nope.json(), { error: 'Not found', detail: `There is no GET ${base}/nope`, requestId: String })
    if (base !== '') for (const path of ['/mcp', '/sse', '/health', '/metrics']) t.equal((await fetch(url + path)).status, 404, path)
  })
}

test('a prefix with a slash at its end, or none at its beginning, is refused by name', async t => {
  for (const prefix of ['/ai/', 'ai', '/a:id', '/*']) {
    const app = Fastify()
    await t.rejects(async () => { await app.register(weir, { prefix }) }, { code: 'WEIR_ERR_INVALID_OPTION', detail: /^prefix: / })
    await app.close()
  }
})

test('a host\'s wildcard beside the prefix goes on', async t => {
  const { url } = await build(t, { prefix: '/ai', host: app => { app.get('/*', async () => 'a page') } })
  t.equal(await (await fetch(`${url}/any/where`)).text(), 'a page')
  t.equal(await (await fetch(`${url}/ai2`)).text(), 'a page')
  t.equal((await fetch(`${url}/ai/nope`)).status, 404)
  await echoes(t, `${url}/ai`)
})
