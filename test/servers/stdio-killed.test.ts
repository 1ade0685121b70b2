import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { until } from '../helper.js'
import { isAlive } from './stdio-endpoint.js'

test('when Weir is killed, its children and theirs are killed, and nothing is left', { skip: process.platform === 'win32' }, async t => {
  const weir = spawn(process.execPath, [...process.execArgv, fileURLToPath(new URL('fixtures/weir.ts', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { weir.kill('SIGKILL') })
  const [line] = await once(createInterface({ input: weir.stdout }), 'line') as [string]
  const pids = JSON.parse(line) as number[]
  t.equal(pids.length, 4, 'two children, a grandchild, a guard')
  t.same(pids.map(isAlive), [true, true, true, true])
  weir.kill('SIGKILL')
  await until(() => !pids.some(isAlive))
  t.pass('all are gone')
})
