import http from 'node:http'
import Fastify, { LogController } from 'fastify'
import { test, type Test } from 'tap'
import { errors } from '../../src/errors.js'
import errorHandling, { errorHandler, notFoundHandler } from '../../src/plugins/error-handler.js'
import type { Session } from '../../src/sessions/session.js'
import { capturedLog } from '../helper.js'

/** An application whose routes throw what they are told: `/` as an HTTP route, `/rpc` as a JSON-RPC route. */
async function host (t: Test, thrown: () => unknown = () => new Error('no reason')) {
  const { log, lines } = capturedLog()
  const app = Fastify({ loggerInstance: log, logController: new LogController({ disableRequestLogging: true }), frameworkErrors: errorHandler, bodyLimit: 100 })
  t.teardown(() => app.close())
  await app.register(errorHandling)
  app.setNotFoundHandler(notFoundHandler)
  const fail = async () => { throw thrown() }
  app.get('/', fail)
  app.post('/', fail)
  app.post('/rpc', { config: { jsonRpc: 'messages' } }, fail)
  return { app, lines }
}

test('an error is answered with what is wrong, what to do, and the request\'s id, in one log line', async t => {
  const { app, lines } = await host(t, () => errors.sessionNotFound('open a new one'))
  const response = await app.inject('/')
  t.equal(response.statusCode, 404)
  t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(response.body, '{"error":"Session not found","detail":"open a new one","requestId":"req-1"}')
  t.equal(lines.length, 1)
  t.match(lines, [{ level: 30, msg: 'Session not found', address: '127.0.0.1', code: 'WEIR_ERR_SESSION_NOT_FOUND', detail: 'open a new one', reqId: 'req-1' }])
})

test('the log line names the session by its hash', async t => {
  const { app, lines } = await host(t)
  app.decorateRequest('mcpSession', null)
  app.get('/session', async request => {
    request.mcpSession = { hash: 'a1b2c3' } as Session
    throw errors.invalidMessage()
  })
  await app.inject('/session')
  t.match(lines, [{ session: 'a1b2c3' }])
})

test('an error without a detail has none', async t => {
  const { app } = await host(t, () => errors.draining())
  t.equal((await app.inject('/')).body, '{"error":"Shutting down","requestId":"req-1"}')
})

test('an error\'s headers go with it, and one of our own is worth no stack in the log', async t => {
  const { app, lines } = await host(t, () => errors.draining('later', { 'retry-after': '7' }))
  t.match(await app.inject('/'), { statusCode: 503, headers: { 'retry-after': '7' } })
  t.match(lines, [{ level: 30, err: undefined }])
})

test('an error that nobody foresaw shows nothing of itself, and is logged whole', async t => {
  const { app, lines } = await host(t, () => new TypeError('cannot read /etc/secret'))
  const response = await app.inject('/')
  t.equal(response.statusCode, 500)
  t.equal(response.body, '{"error":"Internal server error","requestId":"req-1"}')
  t.equal(lines.length, 1)
  t.match(lines, [{ level: 50, msg: 'Internal server error', address: '127.0.0.1', err: { type: 'TypeError', message: 'cannot read /etc/secret', stack: String } }])
})

test('a 5xx of another plugin keeps its status and nothing else', async t => {
  const { app, lines } = await host(t, () => Object.assign(new Error('pool at 10.0.0.1 is empty'), { statusCode: 503 }))
  const response = await app.inject('/')
  t.equal(response.statusCode, 503)
  t.notMatch(response.body, 'pool')
  t.match(lines, [{ level: 50, err: { message: 'pool at 10.0.0.1 is empty' } }])
})

test('a 4xx of another plugin keeps its message, which is meant for the client', async t => {
  const { app, lines } = await host(t, () => Object.assign(new Error('Account suspended'), { statusCode: 403 }))
  t.match(await app.inject('/'), { statusCode: 403, body: '{"error":"Account suspended","requestId":"req-1"}' })
  t.match(lines, [{ level: 30, msg: 'Account suspended' }])
})

test('an error with the status of a success is a 500', async t => {
  for (const statusCode of [200, 204, 302, 0, -1, NaN]) {
    const { app } = await host(t, () => Object.assign(new Error('upstream said so'), { statusCode }))
    const response = await app.inject('/')
    t.equal(response.statusCode, 500, String(statusCode))
    t.notMatch(response.body, 'upstream')
  }
})

test('whatever is thrown is answered with 500', async t => {
  for (const thrown of ['a text', 7, null, undefined, {}, { statusCode: 'x' }]) {
    const { app } = await host(t, () => thrown)
    t.match(await app.inject('/'), { statusCode: 500, body: '{"error":"Internal server error","requestId":"req-1"}' }, JSON.stringify(thrown))
  }
})

test('on a JSON-RPC route an error about a message is a JSON-RPC error with the request\'s id', async t => {
  const { app } = await host(t, () => errors.invalidMessage('id: not twice'))
  for (const id of [7, 'seven', 0, '']) {
    const response = await app.inject({ method: 'POST', url: '/rpc', payload: { jsonrpc: '2.0', id, method: 'ping' } })
    t.equal(response.statusCode, 400)
    t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
    t.match(response.json(), { jsonrpc: '2.0', id, error: { code: -32600, message: 'Invalid request: id: not twice', data: { requestId: /^req-/ } } })
  }
})

test('without an id that could be answered, the JSON-RPC error has none', async t => {
  const { app } = await host(t, () => errors.invalidMessage())
  for (const payload of [{}, { id: null }, { id: true }, [{ id: 1 }]]) {
    const response = await app.inject({ method: 'POST', url: '/rpc', payload })
    t.match(response.json(), { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'Invalid request' } })
  }
})

test('on a JSON-RPC route too, errors that are not about a message have the shape of HTTP', async t => {
  for (const error of [errors.unauthorized(), errors.foreignOrigin(), errors.sessionNotFound()]) {
    const { app } = await host(t, () => error)
    t.same(Object.keys((await app.inject({ method: 'POST', url: '/rpc', payload: { id: 1 } })).json()), ['error', 'requestId'])
  }
})

test('on a JSON-RPC route a failure inside is an internal error, and tells nothing', async t => {
  const { app } = await host(t, () => new Error('secret'))
  const response = await app.inject({ method: 'POST', url: '/rpc', payload: { id: 3 } })
  t.equal(response.statusCode, 500)
  t.match(response.json(), { jsonrpc: '2.0', id: 3, error: { code: -32603, message: 'Internal server error' } })
  t.notMatch(response.body, 'secret')
})

const unread: Record<string, [headers: Record<string, string>, payload: string, status: number, code: number, message: RegExp]> = {
  'is not JSON': [{ 'content-type': 'application/json' }, '{', 400, -32700, /^Parse error: .*not JSON/],
  'is empty': [{ 'content-type': 'application/json' }, '', 400, -32700, /^Parse error: .*empty/],
  'poisons a prototype': [{ 'content-type': 'application/json' }, '{"__proto__":1}', 400, -32700, /__proto__/],
  'is too large': [{ 'content-type': 'application/json' }, `"${'x'.repeat(100)}"`, 413, -32600, /^Message too large: .*BODY_LIMIT_BYTES/],
  'is of another type': [{ 'content-type': 'text/html' }, '<p>', 415, -32600, /^Unsupported media type: .*application\/json/],
  'is of no type': [{ 'content-type': '' }, '{}', 415, -32600, /^Unsupported media type/]
}

for (const [what, [headers, payload, status, code, message]] of Object.entries(unread)) {
  test(`a body that ${what} is answered ${status}, as JSON-RPC and as HTTP`, async t => {
    const { app } = await host(t)
    const rpc = await app.inject({ method: 'POST', url: '/rpc', headers, payload })
    t.equal(rpc.statusCode, status)
    t.match(rpc.json(), { jsonrpc: '2.0', id: null, error: { code, message } })
    const plain = await app.inject({ method: 'POST', url: '/', headers, payload })
    t.equal(plain.statusCode, status)
    t.match(plain.json(), { error: String, detail: String, requestId: String })
  })
}

test('a body that is shorter than it says is answered 400', async t => {
  const { app } = await host(t)
  const response = await app.inject({ method: 'POST', url: '/rpc', headers: { 'content-type': 'application/json', 'content-length': '50' }, payload: '{}' })
  t.equal(response.statusCode, 400)
  t.match(response.json(), { id: null, error: { code: -32700, message: /Content-Length/ } })
})

test('a path that is not there is a 404 that names it, without its query', async t => {
  const { app, lines } = await host(t)
  for (const method of ['GET', 'DELETE'] as const) {
    const response = await app.inject({ method, url: '/no/such%20path?session_id=secret' })
    t.equal(response.statusCode, 404)
    t.match(response.json(), { error: 'Not found', detail: `There is no ${method} /no/such%20path`, requestId: String })
  }
  t.notMatch(JSON.stringify(lines), 'secret')
})

test('a path of odd slashes is a 404 like any other', async t => {
  const { app } = await host(t)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  for (const [path, named] of [['//', '//'], ['//a/b', '//a/b'], ['///', '///'], ['//[', '//[']] as const) {
    const { statusCode, body } = await get(url, path)
    t.equal(statusCode, 404, path)
    t.match(JSON.parse(body), { detail: `There is no GET ${named}` })
  }
})

test('a URL that cannot be decoded is a 400 in the same shape', async t => {
  const { app, lines } = await host(t)
  const { statusCode, body } = await get(await app.listen({ port: 0, host: '127.0.0.1' }), '/%zz?session_id=secret')
  t.equal(statusCode, 400)
  t.match(JSON.parse(body), { error: String, requestId: String })
  t.notMatch(body + JSON.stringify(lines), 'secret')
})

/** Asks for a path as it is: `inject` and `fetch` would tidy it up. */
async function get (url: string, path: string): Promise<{ statusCode: number | undefined, body: string }> {
  return await new Promise((resolve, reject) => {
    const { port } = new URL(url)
    http.get({ port, host: '127.0.0.1', path, agent: false }, response => {
      response.toArray().then((chunks: Buffer[]) => { resolve({ statusCode: response.statusCode, body: Buffer.concat(chunks).toString() }) }, reject)
    }).once('error', reject)
  })
}
