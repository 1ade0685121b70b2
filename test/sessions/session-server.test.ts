import { test } from 'tap'
import { createRecord } from '../../src/sessions/session-record.js'
import { SessionServer } from '../../src/sessions/session-server.js'

test('before there is an instance there is none to let go, to wake, or to hear anything', async t => {
  const none = () => { t.fail('nobody is there') }
  const server = new SessionServer({ sessionId: 'the-id', record: createRecord('the-id', 'ada', 'streamable'), send: async () => { none() }, undelivered: none, close: async () => { none() }, negotiated: none, adopt: none, failed: none, notServed: none })
  await server.hibernate()
  await server.release({ closing: false })
  server.receive({ jsonrpc: '2.0', method: 'notifications/initialized' }, {})
  t.same([server.asleep, server.building], [false, false])
})
