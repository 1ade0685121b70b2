import { test } from 'tap'
import { LineSplitter } from '../../src/servers/line-splitter.js'

/** Every line that comes of these pieces. */
function split (pieces: Buffer[], limitBytes = 1_000): string[] {
  const splitter = new LineSplitter(limitBytes)
  return pieces.flatMap(piece => {
    splitter.push(piece)
    const lines: string[] = []
    for (let line = splitter.next(); line !== undefined; line = splitter.next()) lines.push(line)
    return lines
  })
}

test('the same lines come of every way to cut the bytes', async t => {
  const bytes = Buffer.from('one\n\nzwölf 🌊\r\nthree\nrest')
  const lines = ['one', '', 'zwölf 🌊\r', 'three']
  t.same(split([bytes]), lines)
  t.same(split(Array.from(bytes, byte => Buffer.from([byte]))), lines)
  for (let at = 0; at <= bytes.length; at++) t.same(split([bytes.subarray(0, at), bytes.subarray(at)]), lines)
})

test('what comes before the lines were taken waits', async t => {
  const splitter = new LineSplitter(10)
  splitter.push(Buffer.from('one\ntwo\nth'))
  t.equal(splitter.next(), 'one')
  splitter.push(Buffer.from('ree\n'))
  t.same([splitter.next(), splitter.next(), splitter.next()], ['two', 'three', undefined])
})

test('a line may be as long as the limit, and no longer', async t => {
  const long = { message: 'a line of more than 5 bytes' }
  t.same(split([Buffer.from('12345\n12345')], 5), ['12345'])
  t.same(split([Buffer.from('123'), Buffer.from('45\n')], 5), ['12345'])
  t.throws(() => split([Buffer.from('123456\n')], 5), long)
  t.throws(() => split([Buffer.from('123456')], 5), long, 'before its end is there')
  t.throws(() => split([Buffer.from('123'), Buffer.from('456')], 5), long)
})
