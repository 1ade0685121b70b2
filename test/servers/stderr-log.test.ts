import { PassThrough } from 'node:stream'
import { test } from 'tap'
import { StderrLog } from '../../src/servers/stderr-log.js'
import { capturedLog, until } from '../helper.js'

function reading () {
  const { log, lines } = capturedLog()
  const stderr = new PassThrough()
  const clock = { now: 0 }
  void new StderrLog(stderr, log, () => clock.now)
  return { stderr, lines, clock, said: () => lines.map(({ stderr: line, lines: left }) => line ?? left) }
}

test('a line of the log for each line, however it comes in pieces', async t => {
  const { stderr, said } = reading()
  for (const piece of [Buffer.from('one\r\ntw'), Buffer.from('o\n\n'), Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1), Buffer.from('nd')]) stderr.write(piece)
  stderr.end()
  await until(() => said().length === 3)
  t.same(said(), ['one', 'two', 'énd'])
})

test('a long line is cut, and never held as a whole', async t => {
  const { stderr, said } = reading()
  for (let piece = 0; piece < 100; piece++) stderr.write('x'.repeat(1_000))
  stderr.end('\nshort\n')
  await until(() => said().length === 2)
  t.same(said(), [`${'x'.repeat(4_096)}…`, 'short'])
})

test('who says too much at once is cut short, and the log says by how much', async t => {
  const { stderr, lines, clock, said } = reading()
  stderr.write('line\n'.repeat(150))
  await until(() => lines.length === 100)
  clock.now = 1_000
  stderr.write('again\n')
  await until(() => lines.length === 102)
  t.same(said().slice(-2), [50, 'again'])
  stderr.end('line\n'.repeat(100))
  await until(() => lines.length === 202)
  t.equal(said().at(-1), 1, 'at its end as well')
})
