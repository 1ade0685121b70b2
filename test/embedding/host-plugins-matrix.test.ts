// Each plugin of the host's, before Weir, after it, or all of them at once, with and without what Weir has of its own.
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import weir, { type WeirOptions } from '../../src/index.js'
import { fixtureServer } from '../helper.js'
import { allHostPlugins, hostPlugins } from './host-plugins.js'
import { echoes, listen } from './sdk-clients.js'

type Order = 'before' | 'after'

const plugins = { ...hostPlugins, 'all of them': allHostPlugins }
const own: Record<string, WeirOptions> = {
  'Weir\'s own off': {},
  'Weir\'s own on': { corsOrigins: ['https://weir.example'], rateLimitPerMinute: 10_000, rateLimitPerSessionPerMinute: 10_000 }
}

/** What each plugin does to a route of the host's. */
async function doesItsJob (t: Test, app: FastifyInstance, url: string, plugin: string): Promise<void> {
  const { headers } = await fetch(`${url}/own`, { headers: { origin: 'https://host.example' } })
  const has = (name: string) => plugin === name || plugin === 'all of them'
  if (has('cors')) t.equal(headers.get('access-control-allow-origin'), 'https://host.example')
  else t.equal(headers.get('access-control-allow-origin'), null)
  if (has('rate-limit')) t.equal(headers.get('x-ratelimit-limit'), '1000')
  else t.equal(headers.get('x-ratelimit-limit'), null)
  if (has('helmet')) t.equal(headers.get('x-frame-options'), 'SAMEORIGIN')
  else t.equal(headers.get('x-frame-options'), null)
  if (has('swagger')) t.ok('/own' in (app.swagger().paths ?? {}))
  if (has('under-pressure')) t.equal(app.isUnderPressure(), false)
  if (has('cors')) {
    const preflight = await fetch(`${url}/own`, { method: 'OPTIONS', headers: { origin: 'https://host.example', 'access-control-request-method': 'GET' } })
    t.equal(preflight.status, 204)
    t.equal(preflight.headers.get('access-control-allow-origin'), 'https://host.example')
  }
}

for (const [plugin, register] of Object.entries(plugins)) {
  for (const order of ['before', 'after'] as Order[]) {
    for (const prefix of ['', '/ai']) {
      for (const [which, options] of Object.entries(own)) {
        test(`${plugin} ${order} Weir, ${prefix === '' ? 'without a prefix' : `under ${prefix}`}, ${which}`, async t => {
          const app = Fastify()
          if (order === 'before') await register(app)
          await app.register(weir, { prefix, createServer: () => fixtureServer(), drainTimeoutSeconds: 1, ...options })
          if (order === 'after') await register(app)
          app.get('/own', async () => ({ own: true }))
          const url = await listen(t, app)
          await echoes(t, url + prefix)
          await doesItsJob(t, app, url, plugin)
          t.match(await (await fetch(`${url}${prefix}/health`)).json(), { status: 'healthy' })
          t.match(await (await fetch(`${url}${prefix}/metrics`)).json(), { metrics: { endpoint_calls: { sse: 1 } } })
          t.match(await (await fetch(`${url}/nope`)).json(), { message: 'Route GET:/nope not found' })
        })
      }
    }
  }
}
