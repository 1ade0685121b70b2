import { test } from 'tap'
import { errors, isWeirError } from '../src/errors.js'

test('each error has a code of its own, a message and the status of an error', async t => {
  const all = Object.values(errors).map(create => create())
  t.equal(new Set(all.map(error => error.code)).size, all.length)
  for (const error of all) {
    t.match(error, { code: /^WEIR_ERR_[A-Z_]+$/, message: /^[A-Z]/, statusCode: Number })
    t.ok(error instanceof Error && error.statusCode >= 400 && error.statusCode < 600, error.code)
  }
})

test('an error says no more than it was told', async t => {
  t.strictSame(Object.keys(errors.notFound()).filter(name => ['detail', 'headers', 'rpcCode'].includes(name)), [])
  t.match(errors.notFound('no such path', { allow: 'GET' }), { statusCode: 404, message: 'Not found', detail: 'no such path', headers: { allow: 'GET' } })
  t.equal(errors.notFound('one').detail, 'one')
  t.equal(errors.notFound().detail, undefined, 'and nothing of the one before')
})

test('errors about a message carry the JSON-RPC code of the specification', async t => {
  t.match(errors.parseError(), { statusCode: 400, rpcCode: -32700 })
  t.match(errors.invalidMessage(), { statusCode: 400, rpcCode: -32600 })
  t.match(errors.messageTooLarge(), { statusCode: 413, rpcCode: -32600 })
  t.match(errors.unsupportedMediaType(), { statusCode: 415, rpcCode: -32600 })
})

test('refusals of a client never look like JSON-RPC', async t => {
  for (const create of [errors.unauthorized, errors.foreignOrigin, errors.foreignHost]) t.equal(create().rpcCode, undefined)
})

test('tells its own errors from all others', async t => {
  t.equal(isWeirError(errors.internal()), true)
  for (const other of [new Error('no code'), Object.assign(new Error('a number'), { code: 7 }), Object.assign(new Error('another'), { code: 'FST_ERR_BAD_URL' }), { code: 'WEIR_ERR_INTERNAL' }, 'WEIR_ERR_INTERNAL', null, undefined]) {
    t.equal(isWeirError(other), false)
  }
})
