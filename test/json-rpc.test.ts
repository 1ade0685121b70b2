import { test } from 'tap'
import { errorResponse, isNotification, isRequest, parseMessage, parseMessages, requestIdOf } from '../src/json-rpc.js'

const accepted: Record<string, object> = {
  'a request': { jsonrpc: '2.0', id: 1, method: 'ping' },
  'a request with a text for its id': { jsonrpc: '2.0', id: 'a', method: 'ping' },
  'an empty text as an id': { jsonrpc: '2.0', id: '', method: 'ping' },
  'the number zero as an id': { jsonrpc: '2.0', id: 0, method: 'ping' },
  'a negative id': { jsonrpc: '2.0', id: -1, method: 'ping' },
  'the largest exact id': { jsonrpc: '2.0', id: Number.MAX_SAFE_INTEGER, method: 'ping' },
  'a request with params': { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { a: [1, null] }, _meta: { progressToken: 1, other: true } } },
  'a method that nobody knows': { jsonrpc: '2.0', id: 1, method: 'no/such' },
  'a notification': { jsonrpc: '2.0', method: 'notifications/initialized' },
  'a result': { jsonrpc: '2.0', id: 1, result: {} },
  'a result of any fields': { jsonrpc: '2.0', id: 's', result: { content: [], _meta: {} } },
  'an error': { jsonrpc: '2.0', id: 1, error: { code: -32600, message: 'no', data: { why: 1 } } }
}

for (const [what, message] of Object.entries(accepted)) {
  test(`accepts ${what}, and leaves it as it is`, async t => {
    t.equal(parseMessage(message), message)
  })
}

const refused: Record<string, [body: unknown, why: RegExp]> = {
  null: [null, /not a JSON-RPC message/],
  'no body': [undefined, /not a JSON-RPC message/],
  'a text': ['ping', /not a JSON-RPC message/],
  'a number': [7, /not a JSON-RPC message/],
  'a boolean': [true, /not a JSON-RPC message/],
  'an empty batch': [[], /[Bb]atch/],
  'a batch': [[{ jsonrpc: '2.0', id: 1, method: 'ping' }], /[Bb]atch/],
  'an empty object': [{}, /a method, a result or an error/],
  'an id alone': [{ jsonrpc: '2.0', id: 1 }, /a method, a result or an error/],
  'a request without a version': [{ id: 1, method: 'ping' }, /^jsonrpc: /],
  'JSON-RPC 1.0': [{ jsonrpc: '1.0', id: 1, method: 'ping' }, /^jsonrpc: /],
  'a version that is a number': [{ jsonrpc: 2.0, id: 1, method: 'ping' }, /^jsonrpc: /],
  'an id of null': [{ jsonrpc: '2.0', id: null, method: 'ping' }, /^id: /],
  'an id with a fraction': [{ jsonrpc: '2.0', id: 1.5, method: 'ping' }, /^id: /],
  'a boolean id': [{ jsonrpc: '2.0', id: true, method: 'ping' }, /^id: /],
  'an object as an id': [{ jsonrpc: '2.0', id: {}, method: 'ping' }, /^id: /],
  'an id too large to be exact': [{ jsonrpc: '2.0', id: 2 ** 53, method: 'ping' }, /^id: /],
  'a method that is no text': [{ jsonrpc: '2.0', id: 1, method: 7 }, /^method: /],
  'a method of null': [{ jsonrpc: '2.0', method: null }, /^method: /],
  'params that are an array': [{ jsonrpc: '2.0', id: 1, method: 'ping', params: [1] }, /^params: /],
  'params that are a text': [{ jsonrpc: '2.0', id: 1, method: 'ping', params: 'x' }, /^params: /],
  'params of null': [{ jsonrpc: '2.0', id: 1, method: 'ping', params: null }, /^params: /],
  'a _meta that is a number': [{ jsonrpc: '2.0', id: 1, method: 'ping', params: { _meta: 5 } }, /^params\._meta: /],
  'a _meta that is a number, in a notification': [{ jsonrpc: '2.0', method: 'notifications/initialized', params: { _meta: 5 } }, /^params\._meta: /],
  'a progress token that is an object': [{ jsonrpc: '2.0', id: 1, method: 'ping', params: { _meta: { progressToken: {} } } }, /^params\._meta\.progressToken: /],
  'a key too many': [{ jsonrpc: '2.0', id: 1, method: 'ping', extra: 1 }, /^message: .*extra/],
  'a request with a result': [{ jsonrpc: '2.0', id: 1, method: 'ping', result: {} }, /^message: .*result/],
  'a result and an error at once': [{ jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: 'x' } }, /^message: .*error/],
  'a result without an id': [{ jsonrpc: '2.0', result: {} }, /^id: /],
  'a result that is a text': [{ jsonrpc: '2.0', id: 1, result: 'done' }, /^result: /],
  'a result of null': [{ jsonrpc: '2.0', id: 1, result: null }, /^result: /],
  'an error that is a text': [{ jsonrpc: '2.0', id: 1, error: 'no' }, /^error: /],
  'an error without a message': [{ jsonrpc: '2.0', id: 1, error: { code: 1 } }, /^error\.message: /],
  'an error whose code has a fraction': [{ jsonrpc: '2.0', id: 1, error: { code: 1.5, message: 'no' } }, /^error\.code: /]
}

for (const [what, [body, why]] of Object.entries(refused)) {
  test(`refuses ${what}, and says why`, async t => {
    t.throws(() => parseMessage(body), { code: 'WEIR_ERR_INVALID_MESSAGE', statusCode: 400, rpcCode: -32600, detail: why })
  })
}

test('tells requests, notifications and responses apart', async t => {
  const [request, notification, result] = [parseMessage({ jsonrpc: '2.0', id: 0, method: 'ping' }), parseMessage({ jsonrpc: '2.0', method: 'ping' }), parseMessage({ jsonrpc: '2.0', id: 0, result: {} })]
  t.same([request, notification, result].map(isRequest), [true, false, false])
  t.same([request, notification, result].map(isNotification), [false, true, false])
})

test('finds the id in a body that may be anything', async t => {
  for (const id of [7, 0, -1, '', 'seven']) t.equal(requestIdOf({ id, nonsense: true }), id)
  for (const body of [null, undefined, 'id', 7, true, [], [{ id: 1 }], {}, { id: null }, { id: true }, { id: {} }, { id: [1] }]) t.equal(requestIdOf(body), null)
})

test('writes an error as JSON-RPC does, and its data only where there are some', async t => {
  t.strictSame(errorResponse(1, -32600, 'no'), { jsonrpc: '2.0', id: 1, error: { code: -32600, message: 'no' } })
  t.strictSame(errorResponse(null, -32700, 'no', { requestId: 'r' }), { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'no', data: { requestId: 'r' } } })
  t.strictSame(errorResponse('a', 1, 'no', null), { jsonrpc: '2.0', id: 'a', error: { code: 1, message: 'no', data: null } })
})

test('a batch is taken whole or not at all', t => {
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
  t.same(parseMessages([ping, { jsonrpc: '2.0', method: 'notifications/initialized' }]).length, 2)
  t.equal(parseMessages(Array.from({ length: 100 }, () => ping)).length, 100)
  const refused = (batch: unknown[], detail: RegExp) => { t.throws(() => parseMessages(batch), { code: 'WEIR_ERR_INVALID_MESSAGE', detail }) }
  refused([], /1 to 100 messages, not 0/)
  refused(Array.from({ length: 101 }, () => ping), /not 101/)
  refused([ping, { hello: 'world' }], /^Message 2 of the batch: A JSON-RPC message has/)
  refused([ping, [ping]], /^Message 2 of the batch: Batches/)
  t.throws(() => parseMessages([new Proxy({}, { has () { throw new RangeError('odd') } })]), { name: 'RangeError', message: 'odd' }, 'what is wrong with us is not said to be wrong with it')
  t.end()
})

test('the short way for plain requests takes nothing that the schemas refuse', t => {
  const plain = { jsonrpc: '2.0', id: 1, method: 'ping' }
  t.equal(parseMessage(plain), plain)
  for (const odd of [{ ...plain, extra: 1 }, { ...plain, params: [] }, { ...plain, params: null }, { ...plain, params: { _meta: 5 } }, { ...plain, id: 1.5 }, { ...plain, id: 'x'.repeat(2_000) }, { ...plain, jsonrpc: '1.0' }]) {
    t.throws(() => parseMessage(odd), { code: 'WEIR_ERR_INVALID_MESSAGE' }, JSON.stringify(odd).slice(0, 60))
  }
  t.end()
})
