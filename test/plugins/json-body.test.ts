import { Readable } from 'node:stream'
import Fastify from 'fastify'
import { test, type Test } from 'tap'
import errorHandling from '../../src/plugins/error-handler.js'
import jsonBody from '../../src/plugins/json-body.js'

const BODY_LIMIT = 64

/** A host that parses what it likes, and under /ai a scope with the plugin; both answer what they were sent. */
async function host (t: Test) {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, body: string, done) => { done(null, body.split(',')) })
  app.post('/', async ({ body }) => ({ body }))
  await app.register(async scope => {
    await scope.register(errorHandling)
    await scope.register(jsonBody)
    scope.post('/', { bodyLimit: BODY_LIMIT }, async ({ body }) => ({ body }))
  }, { prefix: '/ai' })
  return async (payload: string | Buffer | Readable, type = 'application/json', url = '/ai') =>
    await app.inject({ method: 'POST', url, payload, headers: { 'content-type': type } })
}

test('JSON in UTF-8 is read, however its type is written', async t => {
  const post = await host(t)
  for (const type of ['application/json', 'application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON; Charset=Utf-8', 'application/json; q=1; charset=utf-8 ; x=y']) {
    const response = await post('{"city":"Zürich"}', type)
    t.match(response, { statusCode: 200, body: '{"body":{"city":"Zürich"}}' }, type)
  }
})

test('another charset is refused by its name', async t => {
  const post = await host(t)
  for (const charset of ['iso-8859-1', 'utf-16', 'UTF-16LE', 'utf-8x', '"latin1"']) {
    const response = await post('{}', `application/json; charset=${charset}`)
    t.equal(response.statusCode, 415, charset)
    t.match(response.json(), { error: 'Unsupported media type', detail: charset.replaceAll('"', '') })
  }
})

test('any other type is refused, also those that the host reads', async t => {
  const post = await host(t)
  for (const type of ['text/plain', 'text/csv', 'text/json', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/json-seq', 'application/vnd.api+json', 'multipart/form-data; boundary=x', 'json', '*/*']) {
    t.equal((await post('{}', type)).statusCode, 415, type)
  }
})

test('the host reads what it always read', async t => {
  const post = await host(t)
  t.match(await post('a,b', 'text/csv', '/'), { statusCode: 200, body: '{"body":["a","b"]}' })
  t.match(await post('hello', 'text/plain', '/'), { statusCode: 200, body: '{"body":"hello"}' })
  t.match(await post('{"a":1}', 'application/json; charset=iso-8859-1', '/'), { statusCode: 200, body: '{"body":{"a":1}}' })
})

const refused: Record<string, [body: string | Buffer, why: RegExp]> = {
  'half of a JSON text': ['{"a":', /not JSON/],
  'a word': ['undefined', /not JSON/],
  'two JSON texts': ['{}{}', /not JSON/],
  'an empty body': ['', /empty/],
  'spaces alone': ['  ', /not JSON/],
  'a byte that is not UTF-8': [Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/],
  'a character cut in two': [Buffer.from('"ü"').subarray(0, 2), /not UTF-8/],
  'a surrogate on its own': [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), /not UTF-8/],
  'Latin-1': [Buffer.from('{"city":"Zürich"}', 'latin1'), /not UTF-8/],
  'UTF-16': [Buffer.from('{"a":1}', 'utf16le'), /not JSON/],
  'a key __proto__': ['{"__proto__":{"admin":true}}', /__proto__/],
  'a key __proto__ far inside': ['{"a":[{"__proto__":1}]}', /__proto__/],
  'a key __proto__ in escapes': ['{"\\u005f_proto__":1}', /__proto__/],
  'a constructor\'s prototype': ['{"constructor":{"prototype":{}}}', /not JSON/]
}

for (const [what, [body, why]] of Object.entries(refused)) {
  test(`${what} is refused with 400 and the reason`, async t => {
    const response = await (await host(t))(body)
    t.equal(response.statusCode, 400)
    t.match(response.json(), { error: 'Parse error', detail: why, requestId: String })
  })
}

test('what only looks dangerous is read', async t => {
  const post = await host(t)
  for (const body of ['{"constructor":1}', '{"a":"__proto__"}', '{"proto":{}}', '[]', '0', 'null', '""']) {
    t.match(await post(body), { statusCode: 200, body: `{"body":${body}}` }, body)
  }
})

test('a byte order mark before the text does no harm', async t => {
  t.match(await (await host(t))(Buffer.from('\uFEFF{"a":1}')), { statusCode: 200, body: '{"body":{"a":1}}' })
})

test('a body of exactly the limit is read, one byte more is not, announced or not', async t => {
  const post = await host(t)
  const fits = `"${'x'.repeat(BODY_LIMIT - 2)}"`
  t.equal((await post(fits)).statusCode, 200)
  t.equal((await post(Readable.from([fits.slice(0, 9), fits.slice(9)]))).statusCode, 200)
  for (const body of [`${fits} `, Readable.from([fits, ' '])]) {
    const response = await post(body)
    t.equal(response.statusCode, 413)
    t.match(response.json(), { error: 'Message too large', detail: /bodyLimitBytes/ })
  }
})
