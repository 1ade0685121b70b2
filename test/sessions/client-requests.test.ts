import { test } from 'tap'
import { ClientRequests } from '../../src/sessions/client-requests.js'
import { Patience } from '../../src/streams/patience.js'
import { until } from '../helper.js'

function requests () {
  const patience = new Patience()
  const failed: unknown[] = []
  const withdrawn: unknown[] = []
  const wire = { connected: true, write: () => 'written' as const, withdraw: (id: unknown) => { withdrawn.push(id) } }
  return { asked: new ClientRequests(patience, { failRequest: id => { failed.push(id) } }), patience, failed, withdrawn, wire }
}

test('a request to a client that is there waits as long as its server does', async t => {
  const { asked, patience, wire, withdrawn } = requests()
  asked.add(0, wire)
  t.equal(asked.size, 1)
  t.equal(patience.size, 0)
  asked.forget(0)
  asked.forget(0)
  t.equal(asked.size, 0)
  asked.add(1, wire)
  asked.withdraw(1)
  t.same(withdrawn, [1])
  t.equal(asked.size, 0)
})

test('a request to a client that is not there fails after about a second, and is taken back', async t => {
  const { asked, wire, failed, withdrawn } = requests()
  wire.connected = false
  const started = performance.now()
  asked.add(0, wire)
  await until(() => failed.length > 0)
  t.ok(performance.now() - started >= 950)
  t.same([failed, withdrawn, asked.size], [[0], [0], 0])
})

test('a client that comes in time is spared, and one that comes back too', async t => {
  const { asked, patience, wire, failed } = requests()
  wire.connected = false
  asked.add(0, wire)
  wire.connected = true
  await until(() => patience.size === 0)
  t.same(failed, [])
  wire.connected = false
  asked.expectReturn()
  asked.expectReturn()
  t.equal(patience.size, 1)
  asked.forget(0)
  t.equal(patience.size, 0, 'it was answered')
})

test('what was asked on a stream that is finished is not failed by another connection that breaks', async t => {
  const { asked, patience, wire } = requests()
  const finished = { ...wire, finished: false }
  asked.add('asked', finished)
  Object.assign(finished, { connected: false, finished: true })
  asked.expectReturn()
  t.equal(patience.size, 0)
  t.equal(asked.size, 1)
})

test('a connection that breaks fails what was asked on it, seconds later, and nothing else', async t => {
  const { asked, wire, failed } = requests()
  asked.add('broken', wire)
  asked.add('whole', { ...wire, connected: true })
  wire.connected = false
  asked.expectReturn()
  await until(() => failed.length > 0)
  t.same(failed, ['broken'])
  t.equal(asked.size, 1)
})

test('is bounded, and can be cleared', async t => {
  const { asked, patience, wire } = requests()
  wire.connected = false
  for (let id = 0; id < 1_000; id++) asked.add(id, wire)
  t.equal(asked.isFull, true)
  asked.clear()
  t.equal(asked.isFull, false)
  t.equal(patience.size, 0)
  asked.expectReturn()
  asked.clear()
})
