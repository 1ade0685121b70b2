import { readFileSync } from 'node:fs'
import type { Static } from '@sinclair/typebox'
import Fastify from 'fastify'
import { test, type Test } from 'tap'
import weir, { type WeirOptions } from '../src/index.js'
import { PlainOptions, resolveOptions } from '../src/options.js'
import { fixtureServer } from './helper.js'

const fallback = { serverInfo: { name: 'fallback', version: '0' }, createServer: () => fixtureServer() }
const resolve = (options: WeirOptions = {}) => resolveOptions(options, fallback)

/** Registers the plugin with options that a caller without types might give. */
async function register (t: Test, options: object) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(weir, { createServer: () => fixtureServer(), ...options })
  return app
}

test('without options all limits of a public host are off', async t => {
  t.strictSame(resolve(), {
    ...fallback,
    prefix: '',
    name: 'mcp',
    apiKeys: [],
    apiKeyRequired: false,
    authenticate: undefined,
    corsOrigins: [],
    allowedHosts: [],
    contextHeaders: [],
    rateLimitPerMinute: 0,
    rateLimitPerSessionPerMinute: 0,
    sessionHibernateSeconds: 0,
    sessionTimeoutSeconds: 3600,
    cleanupIntervalSeconds: 300,
    heartbeatSeconds: 15,
    maxSessions: 10000,
    maxSessionsPerClient: 100,
    metricsRequireKey: false,
    streamBufferBytes: 1048576,
    bodyLimitBytes: 4194304,
    drainTimeoutSeconds: 10
  })
})

test('what is given is taken, and undefined means the default', async t => {
  const authenticate = () => null
  const createServer = () => fixtureServer()
  const given = {
    prefix: '/a/b',
    name: 'second',
    serverInfo: { name: 'mine', version: '2' },
    apiKeys: ['a'],
    corsOrigins: '*' as const,
    allowedHosts: ['weir.example'],
    contextHeaders: ['x-tenant'],
    rateLimitPerMinute: 1,
    rateLimitPerSessionPerMinute: 2,
    sessionHibernateSeconds: 3,
    sessionTimeoutSeconds: 0.5,
    cleanupIntervalSeconds: 0.5,
    heartbeatSeconds: 0.5,
    maxSessions: 1,
    maxSessionsPerClient: 1,
    metricsRequireKey: true,
    streamBufferBytes: 1,
    bodyLimitBytes: 1,
    drainTimeoutSeconds: 0,
    authenticate,
    createServer
  }
  t.strictSame(resolve(given), { ...given, apiKeyRequired: true })
  t.strictSame(resolve(Object.fromEntries(Object.keys(given).map(name => [name, undefined]))), resolve())
})

test('a key is required if there is one, unless said otherwise', async t => {
  t.equal(resolve({ apiKeys: ['a'] }).apiKeyRequired, true)
  t.equal(resolve({ authenticate: () => null }).apiKeyRequired, true)
  t.equal(resolve({ apiKeys: ['a'], apiKeyRequired: false }).apiKeyRequired, false)
})

test('a key that is required and nowhere to be had is refused, and says how to give one', async t => {
  t.throws(() => resolve({ apiKeyRequired: true }), { code: 'WEIR_ERR_INVALID_OPTION', detail: /^apiKeyRequired: true, .*apiKeys/ })
  t.throws(() => resolve({ metricsRequireKey: true }), { code: 'WEIR_ERR_INVALID_OPTION', detail: /^metricsRequireKey: true, .*apiKeys/ })
  t.doesNotThrow(() => resolve({ apiKeyRequired: true, metricsRequireKey: true, authenticate: () => null }))
})

const broken: Record<string, unknown[]> = {
  prefix: ['ai', '/ai/', '/', '//', '/a?b', '/a#b', '/a:b', '/*', 7, null],
  name: ['', 7],
  serverInfo: [null, 'weir'],
  'serverInfo.version': [{ name: 'weir' }, { name: 'weir', version: 1 }],
  apiKeys: ['key', null, { 0: 'key' }],
  'apiKeys.0': [[''], [7]],
  'apiKeys.1': [['key', null]],
  apiKeyRequired: ['true', 1, null],
  corsOrigins: ['https://app.example.com', true, null, [7]],
  allowedHosts: ['weir.example', null],
  contextHeaders: ['x-tenant', null, true],
  'contextHeaders.0': [[7], [''], ['x tenant'], ['x-tenant:']],
  'allowedHosts.0': [[7]],
  rateLimitPerMinute: [-1, 0.5, '100', NaN, Infinity, null],
  rateLimitPerSessionPerMinute: [-1, 0.5, '100', NaN, Infinity, null],
  sessionHibernateSeconds: [-1, '1', NaN, Infinity, null, 3_000_000],
  sessionTimeoutSeconds: [0, -1, '60', NaN, Infinity],
  cleanupIntervalSeconds: [0, -1, '60', NaN, Infinity, 2_147_484],
  heartbeatSeconds: [0, -1, '1', NaN, Infinity, 2_147_484],
  drainTimeoutSeconds: [-1, '1', NaN, Infinity, 2_147_484],
  maxSessions: [0, -1, 1.5, '1', NaN, Infinity],
  maxSessionsPerClient: [0, 1.5],
  streamBufferBytes: [0, 1.5],
  bodyLimitBytes: [0, 1.5],
  metricsRequireKey: ['true', 0],
  createServer: [{}, 'server', null],
  authenticate: [{}, true, null]
}

for (const [path, values] of Object.entries(broken)) {
  test(`a ${path} that breaks its rule is refused by name`, async t => {
    const [name = ''] = path.split('.')
    for (const value of values) {
      t.throws(() => resolve({ [name]: value }), { code: 'WEIR_ERR_INVALID_OPTION', detail: new RegExp(`^${path}: .+`) }, `${String(value)}`)
    }
  })
}

test('a refusal does not show what the keys are', async t => {
  t.throws(() => resolve({ apiKeys: ['a secret', 7 as unknown as string] }), { code: 'WEIR_ERR_INVALID_OPTION', detail: /^(?!.*secret)/ })
})

test('an option that is not there is refused, with the names of those that are', async t => {
  t.throws(() => resolve({ maxSession: 1 } as WeirOptions), { code: 'WEIR_ERR_INVALID_OPTION', detail: /^maxSession: there is no such option.*createServer.*maxSessions,/ })
  t.throws(() => resolve({ SSE_HEARTBEAT_SECONDS: 1 } as WeirOptions), { code: 'WEIR_ERR_INVALID_OPTION', detail: /^SSE_HEARTBEAT_SECONDS: / })
  t.doesNotThrow(() => resolve({ maxSession: undefined } as WeirOptions))
})

test('the plugin refuses to register with a wrong option, and says which', async t => {
  for (const options of [{ maxSessions: 0 }, { maxSession: 1 }, { createServer: 'x' }, { prefix: 'ai' }, { apiKeyRequired: true }]) {
    await t.rejects(register(t, options), { code: 'WEIR_ERR_INVALID_OPTION', detail: `${Object.keys(options)[0]}: ` })
  }
})

test('origins in a list with * among them do not open the endpoint to all with credentials', async t => {
  const app = await register(t, { corsOrigins: ['*'] }).catch(() => undefined)
  const response = await app?.inject({ url: '/metrics', headers: { host: 'localhost', origin: 'http://localhost' } })
  t.notMatch(response?.headers ?? {}, { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true' })
})

test('the plugin names itself, or what it is told to name', async t => {
  t.match((await (await register(t, {})).inject('/health')).json(), { service: 'mcp-weir', version: String })
  t.match((await (await register(t, { serverInfo: { name: 'mine', version: '9' } })).inject('/health')).json(), { service: 'mine', version: '9' })
})

test('origins and hosts are taken as browsers and clients write them', async t => {
  const { corsOrigins, allowedHosts } = resolveOptions({ corsOrigins: ['HTTPS://App.Example.com:443', 'chrome-extension://AbC'], allowedHosts: ['Weir.Example', '::1', '[::1]'] }, { serverInfo: { name: 'n', version: '1' } })
  t.same(corsOrigins, ['https://app.example.com', 'chrome-extension://abc'])
  t.same(allowedHosts, ['weir.example', '[::1]', '[::1]'])
})

/** The same type, not only one that fits (TypeScript has no such question of its own). */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends (<T>() => T extends Other ? 1 : 2) ? true : false
type Given<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> }

test('what WeirOptions tells an editor is what the schema checks', async t => {
  const names: Same<keyof Given<WeirOptions>, keyof Static<typeof PlainOptions> | 'createServer' | 'authenticate'> = true
  const types: Same<Given<Omit<WeirOptions, 'createServer' | 'authenticate'>>, Given<Static<typeof PlainOptions>>> = true
  t.ok(names && types)

  const [, body = ''] = readFileSync(new URL('../src/weir-options.ts', import.meta.url), 'utf8').split('export interface WeirOptions {')
  const told = new Map([...body.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\n {2}(\w+)\?:/g)].map(([, comment = '', name = '']) => [name, comment] as const))
  t.same([...told.keys()].sort(), ['createServer', 'authenticate', ...Object.keys(PlainOptions.properties)].sort(), 'each has a comment')
  for (const [name, schema] of Object.entries(PlainOptions.properties as Record<string, { default?: unknown, maximum?: number }>)) {
    const comment = told.get(name) ?? ''
    const [, value] = /@default (.*)/.exec(comment) ?? []
    t.equal(value, schema.default === undefined ? undefined : JSON.stringify(schema.default).replaceAll('"', '\''), name)
    if (schema.maximum !== undefined) t.match(comment, `at most ${schema.maximum}`, name)
  }
})
