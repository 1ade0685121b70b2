import { test } from 'tap'
import { createRecord, noteMessage } from '../../src/sessions/session-record.js'

const record = () => createRecord('id', 'ada', 'sse')
const request = (method: string, params?: Record<string, unknown>) => ({ jsonrpc: '2.0' as const, id: 1, method, ...(params && { params }) })

test('notes initialize once', async t => {
  const noted = record()
  const first = request('initialize', { protocolVersion: '2025-11-25' })
  noteMessage(noted, first)
  noteMessage(noted, request('initialize', { protocolVersion: 'other' }))
  t.same(noted.initialize, first)
})

test('notes the log level', async t => {
  const noted = record()
  noteMessage(noted, request('logging/setLevel', { level: 'warning' }))
  noteMessage(noted, request('logging/setLevel', { level: 'x'.repeat(1_000) }))
  noteMessage(noted, request('logging/setLevel', { level: 5 }))
  noteMessage(noted, request('logging/setLevel'))
  t.equal(noted.logLevel, 'warning')
})

test('notes resource subscriptions', async t => {
  const noted = record()
  for (const uri of ['a:1', 'a:2', 'a:1']) noteMessage(noted, request('resources/subscribe', { uri }))
  noteMessage(noted, request('resources/unsubscribe', { uri: 'a:2' }))
  noteMessage(noted, request('resources/unsubscribe', { uri: 'a:3' }))
  noteMessage(noted, request('resources/unsubscribe'))
  noteMessage(noted, request('resources/subscribe'))
  t.same([...noted.subscriptions ?? []], ['a:1'])
  t.equal(noted.size, 3)
})

test('holds no more than its limit, whatever its client says', async t => {
  const noted = record()
  noteMessage(noted, request('initialize', { x: 'x'.repeat(100_000) }))
  t.equal(noted.initialize, undefined)
  t.equal(noted.rebuildable, false)
  for (let index = 0; index < 10_000; index++) noteMessage(noted, request('resources/subscribe', { uri: `test://resource/${index}` }))
  t.ok(noted.size <= 65_536)
  t.ok(Number(noted.subscriptions?.size) < 10_000)
})

test('other messages change nothing', async t => {
  const noted = record()
  const before = structuredClone(noted)
  noteMessage(noted, request('tools/list'))
  noteMessage(noted, { jsonrpc: '2.0', method: 'notifications/initialized' })
  noteMessage(noted, { jsonrpc: '2.0', id: 1, result: {} })
  t.same(noted, before)
})
