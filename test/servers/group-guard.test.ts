import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test, type Test } from 'tap'
import { GroupGuard } from '../../src/servers/group-guard.js'
import { until } from '../helper.js'
import { isAlive } from './stdio-endpoint.js'

/** A process that leads a group, until something kills it. */
function leader (t: Test): { pid: number, ended: Promise<unknown[]> } {
  const child = spawn('/bin/sleep', ['1000'], { detached: true, stdio: 'ignore' })
  t.teardown(() => { child.kill('SIGKILL') })
  return { pid: child.pid ?? NaN, ended: once(child, 'exit') }
}

/** Whether a process has come so far that it ignores SIGTERM, the 15th signal: where the system tells. */
function ignores (pid: number | undefined): boolean {
  if (process.platform !== 'linux') return true
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${mask}`) >> 14n & 1n) === 1n
}

test('kills what is left when its input ends, and nothing that it was told to forget', async t => {
  const guard = new GroupGuard()
  const leaders = [leader(t), leader(t), leader(t), leader(t)] as const
  for (const { pid } of leaders) guard.add(pid)
  guard.remove(leaders[1].pid)
  guard.remove(leaders[3].pid)
  await guard.close()
  t.equal(guard.pid, undefined)
  t.same(await leaders[0].ended, [null, 'SIGKILL'])
  t.same(await leaders[2].ended, [null, 'SIGKILL'])
  t.ok(isAlive(leaders[1].pid) && isAlive(leaders[3].pid))
  await guard.close()
})

test('a guard that was killed is followed by another one, which is told of all', async t => {
  const guard = new GroupGuard()
  const [first, second, third] = [leader(t), leader(t), leader(t)]
  guard.add(first.pid)
  guard.add(third.pid)
  process.kill(guard.pid ?? NaN, 'SIGTERM')
  process.kill(guard.pid ?? NaN, 'SIGKILL')
  await until(() => guard.pid === undefined)
  guard.remove(third.pid)
  guard.add(second.pid)
  await guard.close()
  t.same(await first.ended, [null, 'SIGKILL'])
  t.same(await second.ended, [null, 'SIGKILL'])
  t.ok(isAlive(third.pid))
})

test('is not ended by a signal that is meant for all', async t => {
  const guard = new GroupGuard()
  const { pid, ended } = leader(t)
  guard.add(pid)
  await until(() => ignores(guard.pid))
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(guard.pid ?? NaN, signal)
  await guard.close()
  t.same(await ended, [null, 'SIGKILL'])
})

test('without a shell there is no guard', async t => {
  const guard = new GroupGuard('/no/such/shell')
  const { pid } = leader(t)
  guard.add(pid)
  guard.remove(pid)
  await until(() => guard.pid === undefined)
  await guard.close()
  t.ok(isAlive(pid))
})
