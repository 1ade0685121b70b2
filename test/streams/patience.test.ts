import { test } from 'tap'
import { ONE_SECOND, Patience } from '../../src/streams/patience.js'
import { until } from '../helper.js'

/** How many timers this process has. */
const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

test('what is done in time does not expire; what is not does, once, after about its time', async t => {
  const patience = new Patience()
  const expired: string[] = []
  const waiting = (name: string) => ({ expire: () => { expired.push(name) } })
  const [done, late, later] = [waiting('done'), waiting('late'), waiting('later')]
  const started = performance.now()
  patience.wait(done)
  patience.wait(later, 2 * ONE_SECOND)
  patience.wait(late)
  t.equal(patience.size, 3)
  patience.done(done)
  await until(() => expired.length === 1)
  t.same(expired, ['late'])
  t.ok(performance.now() - started >= 950, 'not before a second')
  await until(() => expired.length === 2)
  t.same(expired, ['late', 'later'])
  t.equal(patience.size, 0)
})

test('without anybody who waits it has no timer', async t => {
  const before = timers()
  const patience = new Patience()
  const waiting = { expire () {} }
  patience.wait(waiting)
  patience.wait(waiting)
  t.equal(patience.size, 1)
  patience.done(waiting)
  await until(() => timers() <= before)
  t.equal(patience.size, 0)
})
