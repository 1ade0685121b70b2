import { test } from 'tap'
import { EventLog, MAX_EVENTS } from '../../src/streams/event-log.js'

function logOf (limitBytes = 1_000) {
  let lost = 0
  const log = new EventLog(limitBytes, { lost: () => { lost++ } })
  const add = (stream: number, size = 10, sent = false, request?: number) => {
    const number = log.nextNumber()
    log.add({ stream, number, bytes: Buffer.alloc(size), request, follows: 0, sent })
    return number
  }
  return { log, add, lost: () => lost }
}

test('replays one stream\'s later events, and no other\'s', async t => {
  const { log, add } = logOf()
  const numbers = [add(1), add(2), add(1), add(2), add(1)]
  t.same(log.after({ stream: 1, number: 1 }).map(({ number }) => number), [numbers[2], numbers[4]])
  t.same(log.after({ stream: 2, number: 4 }), [])
  t.same(log.after({ stream: 3, number: 0 }), [])
})

test('numbers count up through all streams', async t => {
  const { log, add } = logOf()
  t.same([add(1), add(2), log.nextNumber(), add(1)], [1, 2, 3, 4])
  t.equal(log.hasReached(4), true)
  t.equal(log.hasReached(5), false)
})

test('is bounded in bytes: the oldest go first, and what was never sent is counted', async t => {
  const { log, add, lost } = logOf(100)
  add(1, 40, true)
  add(1, 40)
  add(1, 60)
  t.equal(log.bytes, 100)
  t.equal(lost(), 0, 'the first was sent')
  add(1, 100)
  t.equal(log.bytes, 100)
  t.equal(lost(), 2)
  t.equal(log.hasForgottenAfter(2), true)
  t.equal(log.hasForgottenAfter(3), false)
})

test('is bounded in events', async t => {
  const { log, add, lost } = logOf(1_000_000)
  for (let event = 0; event < MAX_EVENTS + 5; event++) add(0)
  t.equal(log.after({ stream: 0, number: 0 }).length, MAX_EVENTS)
  t.equal(lost(), 5)
})

test('knows what no connection was given', async t => {
  const { log, add } = logOf()
  add(0, 10, true)
  const waiting = add(0)
  add(1)
  t.same(log.unsent(0).map(({ number }) => number), [waiting])
})

test('a request that nobody waits for is taken back, unless it was sent', async t => {
  const { log, add, lost } = logOf()
  add(1, 10, false, 7)
  add(1, 10, true, 8)
  add(2, 10, false, 7)
  log.withdraw(1, 7)
  log.withdraw(1, 8)
  t.same(log.after({ stream: 1, number: 0 }).map(({ request }) => request), [8])
  t.equal(log.after({ stream: 2, number: 0 }).length, 1)
  t.equal(log.bytes, 20)
  t.equal(lost(), 0)
})

test('forgets everything at the end, and counts what was never sent', async t => {
  const { log, add, lost } = logOf()
  add(1, 10, true)
  add(1)
  log.clear()
  t.equal(log.bytes, 0)
  t.equal(lost(), 1)
  t.same(log.after({ stream: 1, number: 0 }), [])
})
