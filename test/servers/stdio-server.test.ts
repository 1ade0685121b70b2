import { test } from 'tap'
import { until } from '../helper.js'
import { stdio } from './stdio-endpoint.js'

test('one child per session, from its first message to its end', async t => {
  const { open, children } = await stdio(t)
  const [first, second] = [await open(), await open()]
  t.equal(await first.callForText('echo', { text: 'hello' }), 'hello')
  t.not(await first.callForText('pid'), await second.callForText('pid'))
  t.equal(children.size, 2)
  await first.delete()
  await until(() => children.size === 1)
  t.equal(await second.callForText('echo', { text: 'still here' }), 'still here')
})
