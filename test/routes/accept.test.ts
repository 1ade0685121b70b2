import { test } from 'tap'
import { acceptsBoth, acceptsStream } from '../../src/routes/accept.js'

const headers: [accept: string | undefined, both: boolean, stream: boolean][] = [
  [undefined, false, false],
  ['', false, false],
  ['application/json, text/event-stream', true, true],
  ['text/event-stream, application/json', true, true],
  ['application/json,text/event-stream', true, true],
  ['text/event-stream', false, true],
  ['application/json', false, false],
  ['*/*', true, true],
  ['text/*', false, true],
  ['application/*;q=0.1, text/*;q=0.2', true, true],
  ['*/*;q=0', false, false],
  ['*/*, text/event-stream;q=0', false, false],
  ['*/*, text/event-stream; q = 0', false, false],
  ['application/json;charset=utf-8, text/event-stream;charset=utf-8', true, true],
  ['application/json;v="1", text/event-stream;v=1;q=0.3', true, true],
  ['application/jsonx, text/event-stream', false, true],
  ['application/json text/event-stream', false, false]
]

test('an Accept header names what its client takes', async t => {
  for (const [accept, both, stream] of headers) {
    t.equal(acceptsBoth(accept), both, `both: ${accept}`)
    t.equal(acceptsStream(accept), stream, `stream: ${accept}`)
  }
})

test('a long header is read in no time', async t => {
  const started = performance.now()
  for (const accept of [';'.repeat(16_000), `${'text/html,'.repeat(1_600)}*/*`, `a/b;q${' '.repeat(16_000)}x`, ' ; '.repeat(5_000)]) acceptsBoth(accept)
  t.ok(performance.now() - started < 1_000)
})
