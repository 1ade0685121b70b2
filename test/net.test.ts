import { test } from 'tap'
import { addressKey, isLoopback, loopbackNames, MAX_TIMER_SECONDS } from '../src/net.js'

test('knows this machine\'s own addresses and names', async t => {
  for (const host of [...loopbackNames, 'LocalHost', '127.1.2.3', '::1', '::ffff:127.0.0.1']) t.equal(isLoopback(host), true, host)
})

test('takes no other for it', async t => {
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '::ffff:10.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', 'notlocalhost', '127.0.0.1:8000', '1127.0.0.1', 'localhost\n']) {
    t.equal(isLoopback(host), false, host)
  }
})

test('the longest time for a timer is one that Node does not cut to a millisecond', async t => {
  t.ok(MAX_TIMER_SECONDS * 1000 <= 2 ** 31 - 1)
  t.ok((MAX_TIMER_SECONDS + 1) * 1000 > 2 ** 31 - 1)
})

test('what comes over a Unix socket has no address, and counts as one client', async t => {
  t.equal(addressKey(undefined), 'local')
  t.equal(addressKey('10.0.0.1'), '10.0.0.1')
})
