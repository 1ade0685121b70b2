import fastifySensible from '@fastify/sensible'
import Fastify, { type FastifyInstance } from 'fastify'
import { test, type Test } from 'tap'
import sensible from '../../src/plugins/sensible.js'

/** What replies say of themselves in a scope with the plugin. */
async function headersOf (t: Test, app: FastifyInstance) {
  t.teardown(() => app.close())
  await app.register(async scope => {
    await scope.register(sensible)
    scope.get('/', async (_request, reply) => {
      reply.vary('Accept')
      return reply.cacheControl('no-store').send('hello')
    })
  })
  return (await app.inject('/')).headers
}

const wanted = { 'cache-control': 'no-store', vary: 'Accept' }

test('replies can say how they may be cached, in this scope only', async t => {
  const app = Fastify()
  t.match(await headersOf(t, app), wanted)
  t.equal(app.hasReplyDecorator('cacheControl'), false)
})

test('in a host that has the plugin already, too', async t => {
  const app = Fastify()
  await app.register(fastifySensible)
  t.match(await headersOf(t, app), wanted)
})

test('in a host that means something of its own by one of the names, too', async t => {
  const app = Fastify()
  app.decorateReply('cacheControl', (() => { throw new Error('not ours') }) as never)
  t.match(await headersOf(t, app), wanted)
})
