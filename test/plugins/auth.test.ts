import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { test, type Test } from 'tap'
import auth, { type AuthOptions } from '../../src/plugins/auth.js'
import errorHandling from '../../src/plugins/error-handler.js'
import metrics from '../../src/plugins/metrics.js'
import type { Principal } from '../../src/sessions/principal.js'
import { capturedLog } from '../helper.js'

/** An application that says who asks: at `/`, and at `/key` only to those who have a key. */
async function host (t: Test, options: Partial<AuthOptions>) {
  const { log, lines } = capturedLog()
  const serverOptions: FastifyServerOptions = { loggerInstance: log }
  const app = Fastify(serverOptions)
  t.teardown(() => app.close())
  await app.register(errorHandling)
  await app.register(metrics)
  await app.register(auth, { apiKeys: [], apiKeyRequired: true, ...options })
  const whoami = async ({ mcpPrincipal: principal }: FastifyRequest) => ({ principal })
  app.get('/', { onRequest: app.authenticate }, whoami)
  app.get('/key', { onRequest: [app.authenticate, app.requireKey] }, whoami)
  return { app, lines }
}

async function principalOf (app: FastifyInstance, headers: Record<string, string>): Promise<Principal | undefined> {
  return (await app.inject({ url: '/', headers })).json<{ principal?: Principal }>().principal
}

test('a key is good in X-API-Key and as a Bearer token, in any case of the word', async t => {
  const { app } = await host(t, { apiKeys: ['right'] })
  const wanted = { id: /^key-[0-9a-f]{12}$/ }
  t.match(await principalOf(app, { 'x-api-key': 'right' }), wanted)
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) t.match(await principalOf(app, { authorization: `${scheme} right` }), wanted, scheme)
  t.equal(app.metrics.authFailures, 0)
})

test('each key is a principal of its own, alike in every instance, that does not tell the key', async t => {
  const [{ app }, { app: other }] = [await host(t, { apiKeys: ['one', 'two', 'three'] }), await host(t, { apiKeys: ['two'] })]
  const ids = await Promise.all(['one', 'two', 'three'].map(async key => (await principalOf(app, { 'x-api-key': key }))?.id))
  t.equal(new Set(ids).size, 3)
  t.equal((await principalOf(other, { 'x-api-key': 'two' }))?.id, ids[1])
  t.notMatch(ids.join(), /one|two|three/)
})

const wrong: Record<string, Record<string, string>> = {
  'no key': {},
  'a wrong key': { 'x-api-key': 'wrong' },
  'an empty key': { 'x-api-key': '' },
  'the beginning of a key': { 'x-api-key': 'righ' },
  'a key and more': { 'x-api-key': 'right2' },
  'a key in the wrong case': { 'x-api-key': 'RIGHT' },
  'two keys at once': { 'x-api-key': 'right, right' },
  'the second key in a list': { 'x-api-key': 'x,right' },
  'a key of eight kilobytes': { 'x-api-key': 'right'.repeat(1_600) },
  'a key that is not ASCII': { 'x-api-key': 'r\u00efght\u00ff' },
  'a wrong bearer': { authorization: 'Bearer wrong' },
  'an empty bearer': { authorization: 'Bearer ' },
  'a bearer and more': { authorization: 'Bearer right right' },
  'another scheme': { authorization: 'Basic right' },
  'a key without a scheme': { authorization: 'right' },
  'a scheme that only begins like Bearer': { authorization: 'Bearerright' },
  'a wrong key beside a good bearer': { 'x-api-key': 'wrong', authorization: 'Bearer right' }
}

for (const [what, headers] of Object.entries(wrong)) {
  test(`${what} is refused, counted once and logged with the address, never the key`, async t => {
    const { app, lines } = await host(t, { apiKeys: ['right', 'other'] })
    const response = await app.inject({ url: '/', headers })
    t.equal(response.statusCode, 401)
    t.match(response.json(), { error: 'Invalid or missing API key', detail: /X-API-Key.*Bearer/, requestId: String })
    t.match(response.headers['www-authenticate'], /^Bearer realm="mcp"/)
    t.equal(app.metrics.authFailures, 1)
    const failures = lines.filter(({ msg }) => msg === 'authentication failed')
    t.match(failures, [{ level: 40, address: '127.0.0.1' }])
    t.equal(failures.length, 1)
    t.notMatch(JSON.stringify(lines), /righ|wrong/i)
  })
}

test('the header that was sent twice is no key', async t => {
  const { app } = await host(t, { apiKeys: ['right'] })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const headers = new Headers({ 'x-api-key': 'right' })
  t.equal((await fetch(url, { headers })).status, 200)
  headers.append('x-api-key', 'right')
  t.equal((await fetch(url, { headers })).status, 401)
})

test('the challenge names an error only where a credential was given', async t => {
  const { app } = await host(t, { apiKeys: ['right'] })
  t.equal((await app.inject('/')).headers['www-authenticate'], 'Bearer realm="mcp"')
  for (const headers of [{ 'x-api-key': 'wrong' }, { authorization: 'Bearer wrong' }] as Record<string, string>[]) {
    t.equal((await app.inject({ url: '/', headers })).headers['www-authenticate'], 'Bearer realm="mcp", error="invalid_token"')
  }
})

test('where a key is not required, nobody is anonymous but those who send none', async t => {
  const { app } = await host(t, { apiKeys: ['right'], apiKeyRequired: false })
  t.same(await principalOf(app, {}), { id: 'anonymous' })
  t.match(await principalOf(app, { 'x-api-key': 'right' }), { id: /^key-/ })
  t.equal((await app.inject({ url: '/', headers: { 'x-api-key': 'wrong' } })).statusCode, 401)
})

test('where there are no keys, everybody is anonymous, whatever is sent', async t => {
  const { app } = await host(t, { apiKeyRequired: false })
  t.same(await principalOf(app, {}), { id: 'anonymous' })
  t.same(await principalOf(app, { 'x-api-key': 'any' }), { id: 'anonymous' })
})

test('where a key is required and there are none, nobody gets in', async t => {
  const { app } = await host(t, { apiKeyRequired: true })
  t.equal((await app.inject('/')).statusCode, 401)
  t.equal((await app.inject({ url: '/', headers: { 'x-api-key': '' } })).statusCode, 401)
})

test('requireKey asks for a key where the others do not', async t => {
  const { app } = await host(t, { apiKeys: ['right'], apiKeyRequired: false })
  const refused = await app.inject('/key')
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['www-authenticate'], 'Bearer realm="mcp"')
  t.equal(app.metrics.authFailures, 1)
  t.equal((await app.inject({ url: '/key', headers: { 'x-api-key': 'right' } })).statusCode, 200)
  t.equal((await app.inject({ url: '/key', headers: { 'x-api-key': 'wrong' } })).statusCode, 401)
})

test('an authenticate of the host\'s decides, at once or later', async t => {
  for (const authenticate of [
    ({ headers }: FastifyRequest) => headers['x-user'] === 'ada' ? { id: 'ada', scopes: ['read'] } : null,
    async ({ headers }: FastifyRequest) => headers['x-user'] === 'ada' ? { id: 'ada', scopes: ['read'] } : null
  ]) {
    const { app } = await host(t, { authenticate })
    t.same(await principalOf(app, { 'x-user': 'ada' }), { id: 'ada', scopes: ['read'] })
    const refused = await app.inject({ url: '/', headers: { 'x-user': 'eve' } })
    t.equal(refused.statusCode, 401)
    t.equal(refused.headers['www-authenticate'], 'Bearer realm="mcp"')
    t.equal(app.metrics.authFailures, 1)
  }
})

test('an authenticate of the host\'s replaces the keys', async t => {
  const { app } = await host(t, { apiKeys: ['right'], authenticate: () => null })
  t.equal((await app.inject({ url: '/', headers: { 'x-api-key': 'right' } })).statusCode, 401)
})

test('an authenticate that knows nobody leaves them anonymous where no key is required', async t => {
  const { app } = await host(t, { apiKeyRequired: false, authenticate: () => null })
  t.same(await principalOf(app, {}), { id: 'anonymous' })
  t.equal((await app.inject({ url: '/', headers: { authorization: 'Bearer wrong' } })).statusCode, 401)
  t.equal((await app.inject('/key')).statusCode, 401)
})

test('an authenticate that returns nothing lets nobody in', async t => {
  const { app } = await host(t, { authenticate: (() => {}) as never })
  for (const url of ['/', '/key']) t.equal((await app.inject(url)).statusCode, 401, url)
})

test('a principal without an id is nobody: two of them would own each other\'s sessions', async t => {
  for (const principal of [{}, { id: '' }, { id: 7 }, 'ada']) {
    const { app } = await host(t, { authenticate: () => principal as never })
    t.not((await app.inject('/')).statusCode, 200, JSON.stringify(principal))
  }
})

test('an authenticate that throws an error with a status answers with it', async t => {
  const { app } = await host(t, { authenticate: () => { throw Object.assign(new Error('Account suspended'), { statusCode: 403 }) } })
  const response = await app.inject('/')
  t.equal(response.statusCode, 403)
  t.match(response.json(), { error: 'Account suspended' })
})

test('an authenticate that throws a 401 has it counted, and answered with a challenge like any other', async t => {
  const { app } = await host(t, { authenticate: () => { throw Object.assign(new Error('Token expired'), { statusCode: 401 }) } })
  const response = await app.inject('/')
  t.equal(response.statusCode, 401)
  t.match(response.json(), { error: 'Token expired' })
  t.match(response.headers['www-authenticate'], /^Bearer realm="mcp"/)
  t.equal(app.metrics.authFailures, 1)
})

test('an authenticate that breaks lets nobody in, and its reason stays in the log', async t => {
  for (const authenticate of [() => { throw new Error('database at 10.0.0.1') }, () => Promise.reject(new Error('database at 10.0.0.1'))]) {
    const { app, lines } = await host(t, { apiKeyRequired: false, authenticate })
    const response = await app.inject('/')
    t.equal(response.statusCode, 500)
    t.notMatch(response.body, 'database')
    t.match(lines.filter(({ level }) => level === 50), [{ err: { message: 'database at 10.0.0.1' } }])
  }
})

test('before authenticate a request has no principal', async t => {
  const { app } = await host(t, { apiKeys: ['right'] })
  app.get('/open', async ({ mcpPrincipal: principal }) => ({ principal }))
  t.same((await app.inject({ url: '/open', headers: { 'x-api-key': 'right' } })).json(), { principal: null })
})
