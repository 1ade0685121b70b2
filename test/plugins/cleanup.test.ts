import Fastify from 'fastify'
import { test } from 'tap'
import cleanup from '../../src/plugins/cleanup.js'
import metrics from '../../src/plugins/metrics.js'
import sessions from '../../src/plugins/sessions.js'
import { capturedLog, until } from '../helper.js'

test('sweeps once an interval from ready to close, and logs how many sessions it ended', async t => {
  const { log, lines } = capturedLog()
  const app = Fastify({ loggerInstance: log })
  await app.register(metrics)
  await app.register(sessions, { maxSessions: 2, maxSessionsPerClient: 2, sessionTimeoutSeconds: 60, sessionHibernateSeconds: 0, streamBufferBytes: 65_536, heartbeatSeconds: 60, drainTimeoutSeconds: 1 })
  await app.register(cleanup, { cleanupIntervalSeconds: 0.005, sessionHibernateSeconds: 0 })
  const answers = [0, 3]
  app.sessions.sweep = () => answers.shift() ?? 0
  const started = t.capture(globalThis, 'setInterval', setInterval)
  t.equal(started().length, 0, 'not before ready')
  await app.ready()
  t.match(lines.at(-1), { msg: 'session cleanup started', intervalSeconds: 0.005 })
  await until(() => answers.length === 0 && lines.some(({ msg }) => msg === 'sessions cleaned up'))
  t.match(lines.find(({ msg }) => msg === 'session cleanup found nothing to do'), { level: 20 })
  t.match(lines.find(({ msg }) => msg === 'sessions cleaned up'), { level: 30, sessions: 3 })
  const stopped = t.capture(globalThis, 'clearInterval', clearInterval)
  await app.close()
  t.ok(stopped().some(({ args }) => args[0] !== undefined), 'and it stops')
})

test('lets abandoned sessions sleep as often as they may fall asleep', async t => {
  const { log, lines } = capturedLog()
  const app = Fastify({ loggerInstance: log })
  t.teardown(() => app.close())
  await app.register(metrics)
  await app.register(sessions, { maxSessions: 2, maxSessionsPerClient: 2, sessionTimeoutSeconds: 60, sessionHibernateSeconds: 0.005, streamBufferBytes: 65_536, heartbeatSeconds: 60, drainTimeoutSeconds: 1 })
  await app.register(cleanup, { cleanupIntervalSeconds: 60, sessionHibernateSeconds: 0.005 })
  const answers = [0, 3]
  app.sessions.hibernate = () => answers.shift() ?? 0
  await app.ready()
  await until(() => lines.some(({ msg }) => msg === 'sessions hibernated'))
  t.match(lines.filter(({ msg }) => msg === 'sessions hibernated'), [{ level: 20, sessions: 3 }])
})
