import { test } from 'tap'
import { InFlight } from '../../src/sessions/in-flight.js'

const request = (method: string) => ({ jsonrpc: '2.0' as const, id: 1, method })

test('a request may have the id that initialize had, and is cancelled like any other', t => {
  const inFlight = new InFlight()
  inFlight.add(request('initialize'), undefined)
  inFlight.abandon(1)
  t.equal(inFlight.isInitialize(1), true, 'initialize can not be cancelled')
  t.equal(inFlight.size, 1)
  inFlight.take(1)
  inFlight.add(request('tools/list'), undefined)
  t.equal(inFlight.isInitialize(1), false)
  inFlight.abandon(2)
  inFlight.abandon('1')
  t.equal(inFlight.size, 1)
  inFlight.abandon(1)
  t.equal(inFlight.size, 0)
  t.end()
})
