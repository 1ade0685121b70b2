import type { Random } from './random.js'
import { MARKS, type Owner } from './spec.js'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Message = { [key: string]: Json }

const tools = {
  echo: 40, progress: 8, log: 8, wait: 5, sample: 5, elicit: 4, leave: 5, fail: 3, broken: 1, large: 2, flood: 2, end: 0.4, nonsense: 1
}

const methods = { 'tools/call': 70, 'tools/list': 5, ping: 10, 'logging/setLevel': 3, 'resources/subscribe': 2, 'resources/unsubscribe': 1, 'resources/list': 1, 'completion/complete': 1, 'no/such': 2, initialize: 1 }

/** A request that a server takes. */
export function request (random: Random, id: Json, owner: Owner): Message {
  const method = random.weighted(methods)
  const params = paramsOf(random, method, owner)
  return { jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) }
}

function paramsOf (random: Random, method: keyof typeof methods, owner: Owner): Message | undefined {
  switch (method) {
    case 'tools/call': return call(random, owner)
    case 'logging/setLevel': return { level: random.pick(['debug', 'info', 'emergency', 'loud', 'x'.repeat(40)]) }
    case 'resources/subscribe':
    case 'resources/unsubscribe': return { uri: `fuzz://${random.pick(['a', 'b', 'ü'.repeat(3_000)])}` }
    case 'initialize': return initializeParams('2025-11-25')
    case 'ping':
    case 'tools/list':
    case 'resources/list':
    case 'completion/complete':
    case 'no/such': return random.chance(0.5) ? {} : undefined
  }
}

function call (random: Random, owner: Owner): Message {
  const name = random.weighted(tools)
  const call = { name, arguments: argumentsOf(random, name, owner) }
  return random.chance(0.1) ? { ...call, _meta: { progressToken: random.pick<Json>([1, 'token', 0, '']) } } : call
}

function argumentsOf (random: Random, name: keyof typeof tools, owner: Owner): Message {
  switch (name) {
    case 'echo': return { text: `«o:${MARKS[owner]}»${text(random)}` }
    case 'progress': return { steps: random.below(7) }
    case 'log': return { lines: random.below(6), related: random.chance(0.5) }
    case 'wait': return { ms: random.chance(0.06) ? 1_200 : random.below(150) }
    case 'sample': return { related: random.chance(0.6) }
    case 'leave': return { standing: random.chance(0.3) }
    case 'large': return { bytes: random.pick([1_000, 30_000, 65_000, 65_500, 65_536, 70_000]) }
    case 'flood': return { bytes: random.pick([100, 4_000, 20_000, 65_450, 70_000]), pieces: 1 + random.below(8) }
    case 'elicit':
    case 'fail':
    case 'broken':
    case 'end':
    case 'nonsense': return {}
  }
}

export function initialize (id: Json, version: string): Message {
  return { jsonrpc: '2.0', id, method: 'initialize', params: initializeParams(version) }
}

function initializeParams (protocolVersion: string): Message {
  return { protocolVersion, capabilities: { sampling: {}, elicitation: {} }, clientInfo: { name: 'fuzz', version: '1' } }
}

/** What asks for no answer: notifications, cancellations of anything, answers that nobody waits for. */
export function unanswered (random: Random, recent: readonly Json[]): Message {
  const id = random.pick<Json>([...recent, ...recent, 0, 1, 'nobody', -1])
  switch (random.below(6)) {
    case 0: return { jsonrpc: '2.0', method: 'notifications/initialized' }
    case 1:
    case 2: return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason: text(random) } }
    case 3: return { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: id, progress: 1 } }
    case 4: return { jsonrpc: '2.0', id, result: { content: { type: 'text', text: 'nobody asked' }, model: 'm', role: 'assistant' } }
    default: return { jsonrpc: '2.0', id, error: { code: random.pick([-32000, -32020, -32021, -32022, 0]), message: 'no' } }
  }
}

/** The answer to what a server asks: right, wrong, or a refusal. */
export function answer (random: Random, method: string, id: Json): Message {
  const result: Json = method === 'elicitation/create'
    ? { action: random.pick(['accept', 'decline', 'cancel']), content: { name: 'Ann' } }
    : { role: 'assistant', model: 'none', content: { type: 'text', text: text(random) } }
  if (random.chance(0.2)) return { jsonrpc: '2.0', id, error: { code: -32021, message: 'not now' } }
  return { jsonrpc: '2.0', id, result: random.chance(0.15) ? { odd: junk(random) } : result }
}

const texts = ['', 'plain', 'ünïcödé', '日本語', '\u0000\u0001', '\u2028\u2029', '\ud800', '\udfff\ud800', '🙂'.repeat(20), 'a\r\n\r\ndata: b\n\nid: 9-9\n', '"\\', 'x'.repeat(5_000), '%00%s%n', '\uFEFF']

export function text (random: Random): string { return random.pick(texts) }

/** Ids, from usual to huge. */
export function oddId (random: Random): Json {
  return random.pick<Json>([0, -1, 1, 2, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '', '0', 'id', '日本', 'x'.repeat(1_024), 'x'.repeat(1_025), 'x'.repeat(9_000), '__proto__', 'constructor', '\ud800', null, true, [], {}])
}

export function junk (random: Random): Json {
  return random.pick<Json>([null, 5, -0.1, '', 'junk', true, [], {}, [[]], { a: { b: [] } }, [null, 1], 1e308, '\ud800', 'x'.repeat(2_000)])
}

/** Changes one member, somewhere in the message. */
export function mutate (random: Random, message: Message): Message {
  const mutated = structuredClone(message)
  const place = random.chance(0.5) && isObject(mutated['params']) ? mutated['params'] : mutated
  const key = random.pick([...Object.keys(place), '_meta', 'id', 'method', 'jsonrpc', 'result', 'error', 'params'])
  switch (random.below(4)) {
    case 0: {
      delete place[key]
      break
    }
    case 1:
      place[key] = junk(random)
      break
    case 2:
      if (isObject(mutated['params'])) mutated['params']['_meta'] = random.pick<Json>([5, null, [], 'x', { progressToken: {} }, { progressToken: null }, { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }])
      else mutated['params'] = { _meta: 5 }
      break
    default:
      mutated['id'] = oddId(random)
  }
  return mutated
}

function isObject (value: Json | undefined): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Changes the text of a body, so that it may be no JSON any more. */
export function mangle (random: Random, json: string): Buffer {
  const bytes = Buffer.from(json)
  const at = random.below(bytes.length)
  switch (random.below(16)) {
    case 0: return bytes.subarray(0, at)
    case 1: return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.pick([0xff, 0xc0, 0x80, 0xed, 0x00])]), bytes.subarray(at)])
    case 2: return Buffer.from(json.replace('{', '{"__proto__":{"polluted":1},'))
    case 3: return Buffer.from(json.replace('{', '{"constructor":{"prototype":{"polluted":1}},'))
    case 4: return Buffer.from(json.replace('{', '{"\\u005f_proto__":{},'))
    case 5: return Buffer.from(json.replace('{', '{"id":"twice","method":"ping",'))
    case 6: return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])
    case 7: return Buffer.from(`${json}${json}`)
    case 8: return Buffer.alloc(0)
    case 9: return Buffer.from(random.pick(['null', '5', '"x"', '[]', '{}', '[[]]', 'true', ' ', '[null]', 'NaN', '{"jsonrpc":"2.0"}']))
    case 10: return Buffer.from(`${'['.repeat(900 + random.below(1_500))}`)
    case 11: return nested(900 + random.below(30_000))
    case 12: return Buffer.from(json.replace('{', `{"pad":"${'x'.repeat(random.pick([50_000, 65_000, 70_000, 200_000]))}",`))
    case 13: return Buffer.from(json, 'utf16le')
    case 14: return Buffer.from(json.replace('{', `{"wide":[${'{},'.repeat(3_000)}{}],`))
    default: {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8))
      return flipped
    }
  }
}

function nested (depth: number): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":${'['.repeat(depth)}${']'.repeat(depth)}}}}`)
}
