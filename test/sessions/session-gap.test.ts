import { test } from 'tap'
import { createRecord } from '../../src/sessions/session-record.js'
import type { SessionObserver } from '../../src/sessions/session-types.js'
import { Session } from '../../src/sessions/session.js'
import { Patience } from '../../src/streams/patience.js'

test('a gap in what a client is given again is told', t => {
  const told: string[] = []
  const observer = { dropped: (_session: Session, why: string) => { told.push(why) } } as Partial<SessionObserver> as SessionObserver
  new Session(createRecord('id', 'owner', 'streamable'), 'client', observer, new Patience()).gap()
  t.same(told, ['came back too late'])
  t.end()
})
