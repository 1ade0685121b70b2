import { test } from 'tap'
import { Patience } from '../../src/streams/patience.js'
import { StreamSet } from '../../src/streams/stream-set.js'
import { until } from '../helper.js'
import { arrived, FakeResponse } from './fake-response.js'

function setOf (limitBytes = 10_000, primes = true) {
  const told: string[] = []
  const streams = new StreamSet(limitBytes, new Patience(), { lost: () => { told.push('lost') }, away: () => { told.push('away') }, gap: () => { told.push('gap') } })
  streams.primes = primes
  const opened = (lastEventId?: string) => {
    const response = new FakeResponse()
    const place = streams.find(lastEventId)
    if (typeof place === 'string') throw new Error(place)
    streams.open(place, response)
    return response
  }
  const posted = (requests?: number) => {
    const response = new FakeResponse()
    return { response, reply: streams.reply(response, requests) }
  }
  return { streams, told, opened, posted }
}

const note = (data: string) => ({ jsonrpc: '2.0' as const, method: 'notifications/message', params: { data } })
const answer = (id: number, text = '') => ({ jsonrpc: '2.0' as const, id, result: { text } })
const ask = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'roots/list' })

test('an answer that comes first is JSON, and leaves nothing', async t => {
  const { streams, posted } = setOf()
  const { reply, response } = posted()
  t.equal(reply.connected, true)
  t.equal(reply.write(answer(1)), 'written')
  t.same(response.answers, [JSON.stringify(answer(1))])
  t.equal(streams.patience.size, 0)
  t.equal(streams.inUse, false)
  t.equal(streams.log.bytes, 0)
})

test('anything else first makes a stream: primed, numbered, and over with the answer', async t => {
  const { streams, posted } = setOf()
  const { reply, response } = posted()
  t.equal(reply.write(note('hi')), 'written')
  t.equal(reply.drained(), undefined)
  t.equal(streams.inUse, true)
  t.equal(streams.patience.size, 0)
  t.equal(reply.write(answer(1)), 'written')
  await arrived()
  t.same(response.ids, ['1-1', '1-2', '1-3'])
  t.same(response.data, ['', JSON.stringify(note('hi')), JSON.stringify(answer(1))])
  t.equal(response.ended, true)
  t.notMatch(response.text, /retry/)
  response.close()
  t.equal(streams.inUse, false)
})

test('clients of older revisions are not primed', async t => {
  const { posted } = setOf(10_000, false)
  const { reply, response } = posted()
  reply.write(note('hi'))
  await arrived()
  t.same(response.data, [JSON.stringify(note('hi'))])
})

test('after about a second without a word it becomes a stream', async t => {
  const { posted } = setOf()
  const { response, reply } = posted()
  await until(() => response.streaming)
  await arrived()
  t.equal(response.text, 'id: 1-1\ndata: \n\n')
  t.equal(reply.release(), false)
})

test('a reply that was given back says nothing more', async t => {
  const { streams, posted } = setOf()
  t.equal(posted().reply.release(), true)
  t.equal(streams.patience.size, 0)
})

test('a client that left before it had an event id can\'t be answered', async t => {
  const { streams, posted } = setOf()
  const { response, reply } = posted()
  response.close()
  t.equal(reply.connected, false)
  t.equal(reply.write(note('hi')), 'unreachable')
  t.equal(reply.write(answer(1)), 'unreachable')
  t.same(response.answers, [])
  t.equal(streams.log.bytes, 0)
})

test('a client of an older revision that was told nothing with an id can\'t come back', async t => {
  const { posted } = setOf(10_000, false)
  const { response, reply } = posted()
  await until(() => response.streaming)
  response.close()
  t.equal(reply.write(answer(1)), 'unreachable')
})

test('a response whose client went away waits for it', async t => {
  const { told, opened, posted } = setOf()
  const { response, reply } = posted()
  reply.write(note('one'))
  await arrived()
  response.close()
  t.same(told, ['away'])
  t.equal(reply.connected, false)
  t.equal(reply.write(note('two')), 'kept')
  t.equal(reply.write(answer(1)), 'kept')
  const back = opened(response.ids.at(-1))
  await arrived()
  t.same(back.data, [JSON.stringify(note('two')), JSON.stringify(answer(1))])
  t.equal(back.ended, true)
})

test('a stream goes on where its client comes back to it', async t => {
  const { opened, posted } = setOf()
  const { response, reply } = posted()
  reply.write(note('one'))
  await arrived()
  response.close()
  const back = opened(response.ids[0])
  await arrived()
  t.same(back.data, [JSON.stringify(note('one'))], 'from the event that it names')
  reply.write(note('two'))
  reply.write(answer(1))
  await arrived()
  t.same(back.data.length, 3)
  t.equal(back.ended, true)
})

test('what was said before the standing stream opens is the first that it says, once', async t => {
  const { streams, opened } = setOf()
  t.equal(streams.write(note('early')), 'kept')
  t.equal(streams.drained(), undefined)
  const first = opened()
  await arrived()
  t.same(first.data, [JSON.stringify(note('early')), ''])
  t.equal(streams.connected, true)
  const second = opened()
  t.equal(streams.write(note('late')), 'written')
  await arrived()
  t.equal(first.ended, true, 'it was taken over')
  t.same(second.data, ['', JSON.stringify(note('late'))])
})

test('a place is named by an id that this session gave', async t => {
  const { streams, posted } = setOf()
  const { reply, response } = posted()
  reply.write(note('one'))
  await arrived()
  for (const id of ['', 'x', '1', '1-', '-1', '1-1-1', '2-1', '1-99', '99999999999999999999-1', '1-1 ', 'NaN-NaN', '__proto__']) t.equal(streams.find(id), 'unknown', id)
  reply.write(answer(1))
  await arrived()
  response.close()
  t.equal(streams.find('1-3'), 'over')
  t.match(streams.find('1-2'), { after: 2 })
  t.match(streams.find('0-1'), { after: 1 })
})

test('of what had to go it says so', async t => {
  const { streams, posted, told } = setOf(1_000)
  const { reply, response } = posted()
  reply.write(note('one'))
  reply.write(answer(1))
  await arrived()
  response.close()
  for (let count = 0; count < 10; count++) streams.write(note('x'.repeat(300)))
  t.equal(streams.find('1-1'), 'lost')
  t.ok(told.filter(what => what === 'lost').length > 5)
  t.ok(streams.log.bytes <= 1_000)
})

test('a client that comes back too late gets what is left, and what it never got is told', async t => {
  const { streams, opened, told } = setOf(1_000)
  const first = opened()
  for (const text of ['one', 'two', 'three']) streams.write(note(text))
  await arrived()
  first.close()
  for (let count = 0; count < 3; count++) streams.write(note('x'.repeat(200)))
  const gaps = () => told.filter(what => what === 'gap').length
  const [, one, , three] = first.ids
  const late = opened(one)
  await arrived()
  t.same(late.data, Array.from({ length: 3 }, () => JSON.stringify(note('x'.repeat(200)))))
  t.equal(gaps(), 1, 'two and three were given to a connection, and are gone')
  opened(three)
  t.equal(gaps(), 1, 'nothing lies between')
  opened()
  t.equal(gaps(), 1, 'and who names no place misses none')
})

test('a call goes on for a client that comes back too late for all that was said', async t => {
  const { streams, posted, opened, told } = setOf(1_000)
  const { reply, response } = posted()
  reply.write(note('one'))
  reply.write(note('two'))
  await arrived()
  response.close()
  for (let count = 0; count < 5; count++) streams.write(note('x'.repeat(300)))
  told.length = 0
  const back = opened(response.ids[1])
  t.same(told, ['gap'])
  reply.write(answer(1))
  await arrived()
  t.same(back.data, [JSON.stringify(answer(1))])
  t.equal(back.ended, true)
})

test('what went before any connection was given it was counted then, and is no gap', async t => {
  const { streams, opened, told } = setOf(1_000)
  const first = opened()
  streams.write(note('one'))
  await arrived()
  first.close()
  for (let count = 0; count < 10; count++) streams.write(note('x'.repeat(200)))
  t.equal(told.filter(what => what === 'lost').length, 7)
  const back = opened(first.ids[1])
  await arrived()
  streams.write(note('y'.repeat(200)))
  await arrived()
  t.equal(back.data.length, 4)
  t.equal(told.includes('gap'), false)
  back.close()
  opened(back.ids[1])
  await arrived()
  t.equal(told.includes('gap'), false, 'the oldest that is left follows on the one that is named')
  opened(first.ids[1])
  t.equal(told.includes('gap'), true, 'one of those that back was given is gone')
})

test('a batch is answered with a list, or on a stream with all that was collected', async t => {
  const { posted } = setOf()
  const list = posted(2)
  list.reply.write(answer(1))
  t.same(list.response.answers, [])
  list.reply.write(answer(2))
  t.same(list.response.answers, [JSON.stringify([answer(1), answer(2)])])
  const stream = posted(2)
  stream.reply.write(answer(1))
  stream.reply.write(note('hi'))
  stream.reply.write(answer(2))
  await arrived()
  t.same(stream.response.data, ['', answer(1), note('hi'), answer(2)].map(said => said === '' ? '' : JSON.stringify(said)))
  t.equal(stream.response.ended, true)
})

test('a request that gets no answer ends its reply without a message', async t => {
  const { streams, posted } = setOf()
  const alone = posted()
  alone.reply.settle()
  await arrived()
  t.same([alone.response.text, alone.response.ended, alone.response.answers], ['', true, []])
  const one = posted(2)
  one.reply.settle()
  one.reply.write(answer(2))
  t.same(one.response.answers, [JSON.stringify([answer(2)])])
  const gone = posted()
  gone.response.close()
  gone.reply.settle()
  t.equal(gone.response.streaming, false)
  t.equal(streams.patience.size, 0)
})

test('what waits is counted on all connections together', async t => {
  const { streams, opened, posted } = setOf(1_000)
  opened()
  const { response, reply } = posted()
  reply.write(note('x'.repeat(300)))
  t.ok(streams.bufferedBytes > 0)
  response.bufferedBytes = 0
  const slow = posted()
  slow.response.bufferedBytes = 800
  t.equal(slow.reply.write(answer(1)), 'written')
  t.ok(streams.bufferedBytes >= 800)
  t.equal(streams.inUse, true)
  t.equal(posted().reply.write(answer(2, 'x'.repeat(400))), 'full')
  t.equal(streams.write(note('x'.repeat(400))), 'full')
  slow.response.close()
  await arrived()
  t.equal(streams.bufferedBytes, 0)
})

test('a message larger than the limit is refused, and an error can take its place', async t => {
  const { streams, posted } = setOf(1_000)
  const { response, reply } = posted()
  t.equal(reply.write(answer(1, 'x'.repeat(1_000))), 'oversized')
  t.equal(reply.write(answer(1)), 'written')
  t.equal(response.answers.length, 1)
  t.equal(streams.write(note('x'.repeat(1_000))), 'oversized')
  t.equal(streams.write(note('ü'.repeat(480))), 'oversized', 'in bytes')
})

test('a stream ends early when its server says so, and goes on when the client is back', async t => {
  const { streams, opened, posted } = setOf()
  const { response, reply } = posted()
  reply.pause()
  await arrived()
  t.match(response.text, /^id: 1-1\ndata: \n\nretry: 1000\n\n$/)
  t.equal(response.ended, true)
  response.close()
  reply.write(answer(1))
  const back = opened('1-1')
  await arrived()
  t.same(back.data, [JSON.stringify(answer(1))])
  const standing = opened()
  streams.pause()
  await arrived()
  t.equal(standing.ended, true)
})

test('a request that was kept for a client is taken back', async t => {
  const { streams, posted } = setOf()
  streams.write(ask(1))
  streams.withdraw(1)
  t.equal(streams.log.bytes, 0)
  const { response, reply } = posted()
  reply.write(note('hi'))
  response.close()
  const { bytes } = streams.log
  reply.write(ask(2))
  reply.withdraw(2)
  t.equal(streams.log.bytes, bytes)
})

test('beats for all its streams, and ends or cuts them all', async t => {
  const ended = setOf()
  const [standing, { response, reply }] = [ended.opened(), ended.posted()]
  reply.write(note('hi'))
  await arrived()
  t.equal(ended.streams.heartbeat(), true)
  ended.streams.end()
  await arrived()
  t.same([standing.ended, response.ended], [true, false], 'who waits for an answer is given one first')
  reply.settle()
  await arrived()
  t.equal(response.ended, true)
  t.equal(ended.streams.log.bytes, 0)

  const cut = setOf()
  const [one, { reply: other, response: two }, pending] = [cut.opened(), cut.posted(), cut.posted()]
  other.write(note('hi'))
  pending.response.bufferedBytes = 1
  pending.reply.write(answer(1))
  cut.streams.destroy()
  await arrived()
  t.same([one.ended, two.ended, pending.response.gone], [false, false, true])
})
