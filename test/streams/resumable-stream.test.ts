import { test } from 'tap'
import { EventLog } from '../../src/streams/event-log.js'
import { ResumableStream } from '../../src/streams/resumable-stream.js'
import { SseStream } from '../../src/streams/sse-stream.js'

test('a reader that has taken nothing for too long loses its connection, and may come back', t => {
  const account = { log: new EventLog(1_000, { lost () {} }), limitBytes: 1_000, bufferedBytes: 0, gap () {} }
  const stream = new ResumableStream(1, account)
  stream.heartbeat()
  const connection = Object.assign(new SseStream(1_000), { heartbeat: (): boolean => true })
  stream.connect(connection)
  stream.heartbeat()
  t.equal(connection.readable.destroyed, false)
  connection.heartbeat = () => false
  stream.heartbeat()
  t.equal(connection.readable.destroyed, true)
  t.equal(stream.finished, false)
  t.end()
})
