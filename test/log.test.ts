import { spawnSync } from 'node:child_process'
import { PassThrough } from 'node:stream'
import Fastify from 'fastify'
import { pino } from 'pino'
import { test, type Test } from 'tap'
import { logSerializers, pathOf, RequestLog } from '../src/log.js'
import { build, capturedLog, until, type LogLine } from './helper.js'

const session = '7b1c2d3e-0000-4000-8000-000000000000'

test('a path is a URL without query and fragment', async t => {
  for (const [url, path] of [['/sse', '/sse'], ['/messages?session_id=1', '/messages'], ['/a#b?c', '/a'], ['/a?b#c', '/a'], ['?a', ''], ['//a//b?c', '//a//b']] as const) t.equal(pathOf(url), path)
})

test('a request is logged without its query, which holds the session id', async t => {
  const lines: LogLine[] = []
  const app = Fastify({ loggerInstance: pino({ serializers: logSerializers }, { write: (line: string) => { lines.push(JSON.parse(line) as LogLine) } }) })
  t.teardown(() => app.close())
  app.post('/messages', async request => { request.log.info({ req: request }, 'seen') })
  await app.inject({ method: 'POST', url: `/messages?session_id=${session}` })
  t.match(lines.find(({ msg }) => msg === 'seen'), { req: 'POST /messages' })
  t.notMatch(JSON.stringify(lines), session)
})

test('no line of an endpoint\'s log shows a session id, in a host with Fastify\'s own log', async t => {
  const { app, lines } = await build(t)
  await app.inject({ method: 'POST', url: `/messages?session_id=${session}`, payload: {} })
  await app.inject(`/messages?session_id=${session}`)
  t.ok(lines.length > 2)
  t.notMatch(JSON.stringify(lines), session)
})

/** What a process writes that logs one line. */
function logged (logFormat: string, logLevel: string) {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)}
    const log = createLogger({ logLevel: '${logLevel}', logFormat: '${logFormat}' })
    log.debug('too much')
    log.info({ req: { method: 'GET', url: '/sse?key=secret' } }, 'it runs')`
  return spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], { encoding: 'utf8' })
}

test('json is one object a line on stderr, and stdout stays clean', async t => {
  const { stdout, stderr, status } = logged('json', 'info')
  t.equal(status, 0)
  t.equal(stdout, '')
  t.equal(stderr.trim().split('\n').length, 1)
  t.match(JSON.parse(stderr), { level: 30, msg: 'it runs', req: 'GET /sse' })
})

test('text is for people, on stderr too', async t => {
  const { stdout, stderr } = logged('text', 'debug')
  t.equal(stdout, '')
  t.match(stderr, /DEBUG.*too much[^]*INFO.*it runs/)
  t.notMatch(stderr, 'secret')
})

function host (t: Test) {
  const { log, lines } = capturedLog()
  const app = Fastify({ loggerInstance: log, logController: new RequestLog() })
  t.teardown(() => app.close())
  return { app, lines }
}

test('requests are logged at debug, with status and time', async t => {
  const { app, lines } = host(t)
  app.get('/', async (_request, reply) => reply.code(201).send('done'))
  await app.inject('/')
  await until(() => lines.length === 2)
  t.match(lines, [{ level: 20, msg: 'incoming request' }, { level: 20, msg: 'request completed', statusCode: 201, ms: Number }])
})

test('a request that failed on its way out is logged at info', async t => {
  const { app, lines } = host(t)
  app.get('/', async (_request, reply) => {
    reply.raw.emit('error', new Error('broken pipe'))
    return 'done'
  })
  await t.rejects(app.inject('/'))
  t.match(lines.find(({ msg }) => msg === 'request failed'), { level: 30, err: { message: 'broken pipe' } })
})

test('a client that leaves its stream is worth no more than debug, a stream that breaks is a warning', async t => {
  const { app, lines } = host(t)
  const streams: PassThrough[] = []
  app.get('/', async (_request, reply) => {
    const stream = new PassThrough()
    stream.write('begun')
    streams.push(stream)
    return reply.send(stream)
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })

  const leaver = new AbortController()
  await fetch(url, { signal: leaver.signal })
  leaver.abort()
  await until(() => lines.some(({ msg }) => msg === 'stream closed prematurely'))
  t.equal(lines.find(({ msg }) => msg === 'stream closed prematurely')?.['level'], 20)

  const response = await fetch(url)
  streams[1]?.destroy(new Error('broken'))
  await t.rejects(response.text())
  await until(() => lines.some(({ level }) => level === 40))
  t.match(lines.find(({ level }) => level === 40), { err: { message: 'broken' } })
})
