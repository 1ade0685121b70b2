import { join } from 'node:path'
import Fastify from 'fastify'
import { test } from 'tap'
import { loadConfig, loadEnvironment, type Config, type LoadOptions } from '../src/config.js'
import { isWeirError } from '../src/errors.js'
import { MAX_TIMER_SECONDS } from '../src/net.js'
import { resolveOptions } from '../src/options.js'

const key = 'b2f0c7c61d7e4a0f9d35'

function load (env: Record<string, string> = {}): Config {
  return loadConfig({ env, file: false })
}

/** The line that an environment is refused with. */
function refusal (env: Record<string, string>, options: LoadOptions = { env, file: false }): string {
  try {
    loadConfig(options)
  } catch (error) {
    if (isWeirError(error) && error.code === 'WEIR_ERR_INVALID_CONFIG') return error.detail ?? ''
    throw error
  }
  return `accepted: ${JSON.stringify(env)}`
}

test('an empty environment is a private endpoint with the defaults of the contract', async t => {
  const { environment, ...config } = load()
  t.match(environment, { HTTP_HOST: '127.0.0.1', HTTP_PORT: 8000, MAX_CHILD_PROCESSES: 100 })
  t.same(config, {
    host: '127.0.0.1',
    port: 8000,
    trustProxy: [],
    logLevel: 'info',
    logFormat: 'json',
    endpoint: {
      apiKeys: [],
      apiKeyRequired: false,
      corsOrigins: [],
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
      rateLimitPerMinute: 100,
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
    },
    aareguru: { baseUrl: 'https://aareguru.existenz.ch', app: 'mcp-weir', cacheTtlSeconds: 120, timeoutSeconds: 30 },
    maxChildProcesses: 100,
    warnings: []
  })
})

const numbers: Record<string, { read: (config: Config) => number | undefined, minimum: number, maximum?: number }> = {
  HTTP_PORT: { read: config => config.port, minimum: 0, maximum: 65535 },
  MAX_CHILD_PROCESSES: { read: config => config.maxChildProcesses, minimum: 1 },
  RATE_LIMIT_PER_MINUTE: { read: config => config.endpoint.rateLimitPerMinute, minimum: 0 },
  SSE_SESSION_TIMEOUT_SECONDS: { read: config => config.endpoint.sessionTimeoutSeconds, minimum: 60 },
  SSE_CLEANUP_INTERVAL_SECONDS: { read: config => config.endpoint.cleanupIntervalSeconds, minimum: 60, maximum: MAX_TIMER_SECONDS },
  SSE_HEARTBEAT_SECONDS: { read: config => config.endpoint.heartbeatSeconds, minimum: 1, maximum: MAX_TIMER_SECONDS },
  MAX_SESSIONS: { read: config => config.endpoint.maxSessions, minimum: 1 },
  MAX_SESSIONS_PER_CLIENT: { read: config => config.endpoint.maxSessionsPerClient, minimum: 1 },
  STREAM_BUFFER_BYTES: { read: config => config.endpoint.streamBufferBytes, minimum: 65536 },
  BODY_LIMIT_BYTES: { read: config => config.endpoint.bodyLimitBytes, minimum: 1024 },
  DRAIN_TIMEOUT_SECONDS: { read: config => config.endpoint.drainTimeoutSeconds, minimum: 0, maximum: MAX_TIMER_SECONDS },
  CACHE_TTL_SECONDS: { read: config => config.aareguru.cacheTtlSeconds, minimum: 0 },
  HTTP_CLIENT_TIMEOUT_SECONDS: { read: config => config.aareguru.timeoutSeconds, minimum: 1, maximum: MAX_TIMER_SECONDS }
}

for (const [name, { read, minimum, maximum }] of Object.entries(numbers)) {
  test(`${name} is a whole number of at least ${minimum}${maximum === undefined ? '' : ` and at most ${maximum}`}`, async t => {
    t.equal(read(load({ [name]: String(minimum) })), minimum)
    t.equal(read(load({ [name]: ` ${minimum + 1} ` })), minimum + 1, 'spaces around it do not count')
    t.equal(read(load({ [name]: '' })), read(load()), 'nothing means the default')
    t.equal(read(load({ [name]: '  ' })), read(load()), 'spaces mean the default')
    t.equal(refusal({ [name]: String(minimum - 1) }), `${name}=${minimum - 1}: must be >= ${minimum}`)
    if (maximum !== undefined) {
      t.equal(read(load({ [name]: String(maximum) })), maximum)
      t.equal(refusal({ [name]: String(maximum + 1) }), `${name}=${maximum + 1}: must be <= ${maximum}`)
    }
    for (const value of [`${minimum}.5`, 'many', 'true', 'NaN', `${minimum},5`]) {
      t.equal(refusal({ [name]: value }), `${name}=${value}: must be integer`)
    }
  })
}

test('no number is without end', async t => {
  const endless = ['Infinity', '1e999'].flatMap(value => Object.keys(numbers).map(name => ({ [name]: value })))
  t.same(endless.map(env => refusal(env)).filter(line => line.startsWith('accepted')), [])
})

test('a large number is refused by the variable\'s name, or taken by the endpoint too', async t => {
  const fallback = { serverInfo: { name: 'test', version: '1' } }
  for (const name of Object.keys(numbers)) {
    const env = { [name]: String(MAX_TIMER_SECONDS + 1) }
    if (refusal(env).startsWith('accepted')) t.doesNotThrow(() => resolveOptions(load(env).endpoint, fallback), name)
  }
})

test('a refused value is shown in one line, line breaks and all', async t => {
  t.match(refusal({ HTTP_PORT: '80\n90' }), /^HTTP_PORT=.*80.*90.*: must be integer$/)
  t.match(refusal({ CORS_ORIGINS: 'https://a.example\r\nx' }), /^CORS_ORIGINS=.*: must be/)
})

test('a refusal never shows a key', async t => {
  t.notMatch(refusal({ API_KEYS: `${key}, other`, HTTP_PORT: 'x', LOG_LEVEL: 'x' }), key)
  t.notMatch(refusal({ API_KEYS: key, CORS_ORIGINS: 'x' }), key)
  t.notMatch(load({ API_KEYS: 'short' }).warnings.join(), 'short')
})

test('LOG_LEVEL and LOG_FORMAT take any case', async t => {
  for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) {
    t.equal(load({ LOG_LEVEL: level.toUpperCase() }).logLevel, level)
  }
  t.equal(load({ LOG_FORMAT: 'Text' }).logFormat, 'text')
  t.match(refusal({ LOG_LEVEL: 'loud' }), /^LOG_LEVEL=loud: .*fatal, error, warn, info, debug, trace, silent$/)
  t.match(refusal({ LOG_FORMAT: 'xml' }), /^LOG_FORMAT=xml: .*json, text$/)
})

test('booleans take any case, and nothing but true and false', async t => {
  t.equal(load({ API_KEYS: key, API_KEY_REQUIRED: 'FALSE' }).endpoint.apiKeyRequired, false)
  t.equal(load({ API_KEYS: key, METRICS_REQUIRE_KEY: ' True ' }).endpoint.metricsRequireKey, true)
  for (const name of ['API_KEY_REQUIRED', 'METRICS_REQUIRE_KEY']) {
    for (const value of ['yes', '1', 'off']) t.equal(refusal({ API_KEYS: key, [name]: value }), `${name}=${value}: must be true or false`)
  }
})

test('lists are trimmed, and their empty items do not count', async t => {
  t.same(load({ API_KEYS: ` ${key} ,, other-${key},` }).endpoint.apiKeys, [key, `other-${key}`])
  t.same(load({ CORS_ORIGINS: 'https://a.example , http://b.example:8080' }).endpoint.corsOrigins, ['https://a.example', 'http://b.example:8080'])
  t.same(load({ API_KEYS: ' , ' }).endpoint.apiKeys, [])
})

test('plain text goes through as it is', async t => {
  t.match(load({ HTTP_HOST: 'localhost', AAREGURU_APP: 'my app' }), { host: 'localhost', aareguru: { app: 'my app' } })
})

/** What each combination of host, keys and API_KEY_REQUIRED comes to: whether a key is required, or what is refused. */
const required: [host: string, keys: string, said: string, outcome: boolean | string][] = [
  ['127.0.0.1', '', '', false],
  ['127.0.0.1', '', 'false', false],
  ['127.0.0.1', '', 'true', 'API_KEY_REQUIRED=true: '],
  ['127.0.0.1', key, '', true],
  ['127.0.0.1', key, 'false', false],
  ['127.0.0.1', key, 'true', true],
  ['0.0.0.0', '', '', 'HTTP_HOST=0.0.0.0: '],
  ['0.0.0.0', '', 'false', false],
  ['0.0.0.0', '', 'true', 'API_KEY_REQUIRED=true: '],
  ['0.0.0.0', key, '', true],
  ['0.0.0.0', key, 'false', false],
  ['0.0.0.0', key, 'true', true]
]

for (const [HTTP_HOST, API_KEYS, API_KEY_REQUIRED, outcome] of required) {
  const what = `${HTTP_HOST}, ${API_KEYS === '' ? 'no keys' : 'a key'}, API_KEY_REQUIRED ${API_KEY_REQUIRED === '' ? 'not said' : API_KEY_REQUIRED}`
  const env = { HTTP_HOST, API_KEYS, API_KEY_REQUIRED }
  test(`${what}: ${typeof outcome === 'string' ? 'refused, and says how to set a key' : outcome ? 'a key is required' : 'no key is required'}`, async t => {
    if (typeof outcome === 'string') {
      const line = refusal(env)
      t.ok(line.startsWith(outcome), line)
      t.match(line, /set API_KEYS.*openssl rand -hex 32/)
    } else {
      const { endpoint, warnings } = load(env)
      t.equal(endpoint.apiKeyRequired, outcome)
      const open = HTTP_HOST === '0.0.0.0' && !outcome
      t.equal(warnings.filter(warning => warning.includes('API_KEY_REQUIRED=false')).length, open ? 1 : 0, open ? 'with a warning' : 'without a warning')
    }
  })
}

test('every name of this machine counts as loopback, and :: does not', async t => {
  for (const host of ['localhost', '127.0.0.2', '::1']) t.equal(load({ HTTP_HOST: host }).endpoint.apiKeyRequired, false, host)
  t.match(refusal({ HTTP_HOST: '::' }), /^HTTP_HOST=::: .*API_KEY_REQUIRED=false/)
})

test('METRICS_REQUIRE_KEY without a key is refused', async t => {
  t.match(refusal({ METRICS_REQUIRE_KEY: 'true' }), /^METRICS_REQUIRE_KEY=true: .*set API_KEYS/)
})

test('warns of what is allowed and dangerous', async t => {
  t.match(load({ CORS_ORIGINS: '*' }).warnings, [/CORS_ORIGINS=\*/])
  t.match(load({ CORS_ORIGINS: '*', API_KEYS: key, API_KEY_REQUIRED: 'false' }).warnings, [/CORS_ORIGINS=\*/], 'a key that nobody has to give is none')
  t.same(load({ CORS_ORIGINS: '*', API_KEYS: key }).warnings, [])
  t.match(load({ API_KEYS: `${key},fifteen letters` }).warnings, [/^key 2 of API_KEYS has 15 characters/])
  t.same(load({ API_KEYS: 'sixteen letters.' }).warnings, [])
})

test('CORS_ORIGINS are origins as browsers write them, or * alone', async t => {
  t.equal(load({ CORS_ORIGINS: ' * ' }).endpoint.corsOrigins, '*')
  t.same(load({ CORS_ORIGINS: 'HTTPS://App.Example.com,chrome-extension://abcdef' }).endpoint.corsOrigins, ['HTTPS://App.Example.com', 'chrome-extension://abcdef'])
  for (const origin of ['app.example.com', 'https://app.example.com/', 'https://app.example.com/path', 'https://*.example.com', 'null', 'https://']) {
    t.match(refusal({ CORS_ORIGINS: origin }), `CORS_ORIGINS=${origin}: must be origins such as https://app.example.com`)
  }
  t.match(refusal({ CORS_ORIGINS: 'https://a.example,*' }), 'CORS_ORIGINS=*: ')
})

test('ALLOWED_HOSTS are host names: loopback ones on loopback, unchecked elsewhere, or the ones given', async t => {
  t.same(load({ HTTP_HOST: '::1' }).endpoint.allowedHosts, ['localhost', '127.0.0.1', '[::1]'])
  t.same(load({ HTTP_HOST: '0.0.0.0', API_KEYS: key }).endpoint.allowedHosts, [])
  t.same(load({ ALLOWED_HOSTS: 'weir.example, 10.0.0.1, ::1, [fe80::1]' }).endpoint.allowedHosts, ['weir.example', '10.0.0.1', '::1', '[fe80::1]'])
  for (const host of ['weir.example:8000', 'http://weir.example', '*', '[weir', 'a b']) {
    t.equal(refusal({ ALLOWED_HOSTS: host }), `ALLOWED_HOSTS=${host}: must be host names, without scheme or port`)
  }
})

test('TRUST_PROXY are CIDRs, addresses or loopback', async t => {
  const { trustProxy } = load({ TRUST_PROXY: 'loopback, 10.0.0.0/8,10.1.2.3/32, 192.0.2.1, fc00::/7,::1/128' })
  t.same(trustProxy, ['loopback', '10.0.0.0/8', '10.1.2.3/32', '192.0.2.1', 'fc00::/7', '::1/128'])
  t.doesNotThrow(() => Fastify({ trustProxy }))
  for (const proxy of ['true', '1', 'proxy.example', '10.0.0.0/33', 'fc00::/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/x', '/8', '10.0.0/8']) {
    t.equal(refusal({ TRUST_PROXY: proxy }), `TRUST_PROXY=${proxy}: must be CIDRs such as 10.0.0.0/8, or loopback`)
  }
})

test('TRUST_PROXY of zero bits, which Fastify does not take, is refused by name', async t => {
  for (const proxy of ['0.0.0.0/0', '::/0']) t.match(refusal({ TRUST_PROXY: proxy }), `TRUST_PROXY=${proxy}: `)
})

test('AAREGURU_BASE_URL is an http or https URL', async t => {
  t.equal(load({ AAREGURU_BASE_URL: 'http://localhost:9000/api' }).aareguru.baseUrl, 'http://localhost:9000/api')
  for (const url of ['aareguru.existenz.ch', 'ftp://aareguru.existenz.ch', '/api', 'javascript:0']) {
    t.equal(refusal({ AAREGURU_BASE_URL: url }), `AAREGURU_BASE_URL=${url}: must be an http or https URL`)
  }
})

test('.env stands under the environment, and the command\'s flags above both', async t => {
  const file = join(t.testdir({ '.env': '# ours\nHTTP_HOST=::1\nHTTP_PORT=9001\nLOG_LEVEL="debug"\nSOMETHING_ELSE=1\n' }), '.env')
  t.match(loadConfig({ env: {}, file }), { host: '::1', port: 9001, logLevel: 'debug' })
  t.match(loadConfig({ env: { HTTP_PORT: '9002', LOG_LEVEL: 'warn' }, file }), { host: '::1', port: 9002, logLevel: 'warn' })
  t.match(loadConfig({ env: { HTTP_PORT: '9002', LOG_LEVEL: 'warn' }, file, overrides: { HTTP_PORT: '9003' } }), { host: '::1', port: 9003, logLevel: 'warn' })
  t.match(loadConfig({ env: { HTTP_PORT: '9002' }, file: false }), { host: '127.0.0.1', port: 9002 })
  t.equal(refusal({}, { env: { HTTP_PORT: '9002' }, file, overrides: { HTTP_PORT: 'x' } }), 'HTTP_PORT=x: must be integer')
})

test('a variable that is set to nothing leaves the one below it standing', async t => {
  const file = join(t.testdir({ '.env': `API_KEYS=${key}\nHTTP_PORT=9001\n` }), '.env')
  t.match(loadConfig({ env: { HTTP_PORT: '', API_KEYS: ' ' }, file, overrides: { HTTP_PORT: '' } }), { port: 9001, endpoint: { apiKeys: [key] } })
})

test('reads the process\'s environment and the .env of its folder, which need not be there', async t => {
  const [cwd, env] = [process.cwd(), process.env]
  t.teardown(() => {
    process.chdir(cwd)
    process.env = env
  })
  process.env = { HTTP_PORT: '9002' }
  process.chdir(t.testdir({ '.env': 'HTTP_HOST=::1\nHTTP_PORT=9001\n', empty: {} }))
  t.match(loadConfig(), { host: '::1', port: 9002 })
  process.chdir('empty')
  t.match(loadConfig(), { host: '127.0.0.1', port: 9002 })
})

test('a key that no header can carry is refused without being told', async t => {
  const said = refusal({ API_KEYS: 'a good long key of mine, schlüssel-mit-umlaut' })
  t.match(said, /^API_KEYS=\(key 2\): must be ASCII/)
  t.notMatch(said, /schl/)
})

test('an upstream URL with a password is refused without it', async t => {
  t.equal(refusal({ AAREGURU_BASE_URL: 'https://me:secret@river.example/x' }), 'AAREGURU_BASE_URL=https://river.example: must not hold a name or password')
})

test('servers may be given what is in the environment, and under it in .env', async t => {
  const file = join(t.testdir({ '.env': 'A=file\nB=file\n' }), '.env')
  t.same(loadEnvironment({ env: { A: 'env' }, file }), { A: 'env', B: 'file' })
  t.same(loadEnvironment({ env: { A: 'env' }, file: false }), { A: 'env' })
  t.same(loadEnvironment({ env: { A: 'env' }, file: `${file}.none` }), { A: 'env' })
  t.equal(loadEnvironment()['PATH'], process.env['PATH'])
})
