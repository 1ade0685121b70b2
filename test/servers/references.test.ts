import { test } from 'tap'
import { references } from '../../src/servers/references.js'

/** `${inner}`, which the linter takes for a forgotten template. */
const ref = (inner: string) => `\${${inner}}`

test('references stand for what the clients that share the file take them for', async t => {
  const expand = references({ A: 'one', EMPTY: '', ODD: ref('A') }, { userHome: '/home/me', '/': '/' })
  for (const [text, value] of [
    [`x${ref('env:A')}y${ref('A')}`, 'xoney' + 'one'],
    [ref('EMPTY'), ''],
    [ref('EMPTY:-two'), 'two'],
    [ref('NONE:-two'), 'two'],
    [ref('NONE:-'), ''],
    [ref('A:-two'), 'one'],
    [ref('env:NONE:-a:b'), 'a:b'],
    [`${ref('userHome')}${ref('/')}x`, '/home/me/x'],
    [ref('ODD'), ref('A')],
    ['$A {A} $', '$A {A} $']
  ] as const) t.equal(expand(text), value, text)
})

test('one that stands for nothing is an error that names it', async t => {
  const expand = references({}, { userHome: '/home/me' })
  t.throws(() => expand(`a ${ref('NONE')}`), { message: `${ref('NONE')}: the variable NONE is not set` })
  t.throws(() => expand(ref('env:NONE')), { message: `${ref('env:NONE')}: the variable NONE is not set` })
  t.throws(() => expand(ref('input:key')), { message: /there is nobody to ask/ })
  t.throws(() => expand(ref('config:x.y')), { message: /only .*userHome.* are known/ })
})
