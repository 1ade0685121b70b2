import { test } from 'tap'
import { childEnvironment } from '../../src/servers/child-environment.js'

const env = { PATH: '/bin', HOME: '/home/me', LANG: 'C.UTF-8', SHELL: '() { :; }', API_KEYS: 'secret', TOKEN: 'abc' }

test('a child gets what a shell needs, and none of the keys', async t => {
  t.same(childEnvironment({ env }), { PATH: '/bin', HOME: '/home/me', LANG: 'C.UTF-8' })
})

test('and what it is given', async t => {
  t.same(childEnvironment({ env, set: { PATH: '/opt', MODE: 'x' }, pass: ['TOKEN'] }), { PATH: '/opt', HOME: '/home/me', LANG: 'C.UTF-8', TOKEN: 'abc', MODE: 'x' })
})

test('what is to be passed on has to be there', async t => {
  t.throws(() => childEnvironment({ env, pass: ['NONE'] }), { code: 'WEIR_ERR_USAGE', detail: '--pass-env NONE: it is not set, neither in the environment nor in .env' })
})
