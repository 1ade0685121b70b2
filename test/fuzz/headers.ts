import type { Random } from './random.js'
import { KEYS, VERSIONS, type Spec } from './spec.js'

const values: Record<string, readonly string[]> = {
  accept: ['application/json', 'text/event-stream', '*/*', 'text/*', 'application/*, text/event-stream;q=0', '', 'application/json;q=0.5, text/event-stream;v=1', 'application/json, text/event-stream', 'x', `${'a/b,'.repeat(400)}*/*`, ';;,,', '*/*;q=x'],
  'content-type': ['text/plain', 'application/json; charset=utf-8', 'application/json;charset=utf-16', 'APPLICATION/JSON', '', 'application/json, application/json', 'application/xml', 'multipart/form-data; boundary=x', 'application/jsonx', '/', 'application/json; charset="', 'application/vnd.api+json'],
  'mcp-session-id': ['', 'x', 'null', '00000000-0000-4000-8000-000000000000', '../../etc/passwd', '__proto__', 'constructor', 'ü', 'x'.repeat(4_000), '%00', '{}'],
  'mcp-protocol-version': [...VERSIONS, '2024-11-05', '2024-10-07', '2026-07-28', '1', '', 'nonsense', '__proto__', '2025-11-25, 2025-11-25', 'x'.repeat(3_000)],
  'last-event-id': ['0-1', '0-0', '1-1', '1-999999', '999-1', '-1', '0', '0-1-2', '١-١', '999999999999999-999999999999999', '0000000000000000-1', '1e3-1', 'x'.repeat(3_000), '', '__proto__'],
  origin: ['http://127.0.0.1:1', 'http://localhost', 'https://evil.example', 'null', '', 'http://[::1]:80', 'x', 'http://127.0.0.1.evil.example', 'file://', 'http://user@localhost'],
  host: ['localhost', 'evil.example', '127.0.0.1', '[::1]:80', '127.0.0.1:99999', '', 'a b', 'x'.repeat(2_000), '127.0.0.1@evil.example'],
  'x-api-key': ['', 'wrong', ...KEYS, ` ${KEYS[0]} `, `${KEYS[0]},${KEYS[1]}`, 'ü', 'x'.repeat(4_000), '__proto__'],
  authorization: [`Bearer ${KEYS[0]}`, `bearer   ${KEYS[1]}`, 'Bearer', 'Bearer x', 'Basic eDp5', 'Digest', ''],
  'content-encoding': ['gzip', 'identity', '', 'br, gzip'],
  expect: ['100-continue'],
  connection: ['keep-alive', 'close', 'upgrade', 'x'],
  upgrade: ['websocket', 'h2c'],
  'access-control-request-method': ['POST'],
  'x-forwarded-for': ['1.2.3.4', 'x', '::1'],
  'accept-version': ['1.x', 'x'],
  range: ['bytes=0-1'],
  cookie: ['a=b']
}

/** Changes, doubles or takes away one header. */
export function mutateHeader (random: Random, spec: Spec): void {
  const name = random.pick(Object.keys(values))
  const value = random.pick(values[name] ?? [''])
  const isThere = ([other]: [string, string]) => other.toLowerCase() === name
  switch (random.below(6)) {
    case 0:
      spec.headers = spec.headers.filter(header => !isThere(header))
      // RFC 9112, section 3.2: without a Host a request is none.
      if (name === 'host') spec.broken = true
      break
    case 1: {
      const header = spec.headers.find(isThere)
      if (header !== undefined && !/^content-length$/i.test(name)) spec.headers.push([name.toUpperCase(), random.chance(0.5) ? header[1] : value])
      break
    }
    default:
      spec.headers = [...spec.headers.filter(header => !isThere(header)), [name, value]]
  }
  if (name === 'host' || name === 'expect' || name === 'upgrade' || name === 'connection') spec.broken = true
}

const methods = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'QUERY']
const paths = ['/mcp', '/mcp/', '/MCP', '/mcp?x=1', '/mcp?session_id=x', '//mcp', '/mcp%2f', '/%6dcp', '/mcp%', '/sse', '/messages', '/messages?session_id=', '/messages?session_id=x&session_id=y', '/health', '/metrics', '/', '/nothing', '/mcp;x', '/mcp#x', `/${'x'.repeat(3_000)}`, '*', '/messages?session_id[]=1', '/mcp?__proto__=1']

export function mutateTarget (random: Random, spec: Spec): void {
  if (random.chance(0.5)) spec.method = random.pick(methods)
  else spec.path = random.pick(paths)
}

/** Breaks HTTP itself. */
export function breakFraming (random: Random, spec: Spec): void {
  const { headers, body = Buffer.alloc(0) } = spec
  const sized = (...sizes: [string, string][]) => { spec.headers = [...headers, ...sizes] }
  spec.broken = true
  const length = String(body.length)
  switch (random.below(18)) {
    case 0: return sized(['content-length', String(body.length + 1 + random.below(50))])
    case 1: return sized(['content-length', String(random.below(Math.max(1, body.length)))])
    case 2: return sized(['content-length', length], ['Content-Length', length])
    case 3: return sized(['content-length', '-1'])
    case 4: return sized(['content-length', random.pick(['x', '1e3', '0x10', '99999999999999999999', ' '])])
    case 5: return sized(['content-length', length], ['transfer-encoding', 'chunked'])
    case 6: return sized(['transfer-encoding', 'gzip'])
    case 7: return sized(['x-huge', 'x'.repeat(random.pick([8_000, 16_000, 40_000]))])
    case 8: return sized(...Array.from({ length: random.pick([100, 1_900, 2_100]) }, (_, index): [string, string] => [`x-${index}`, '']))
    case 9: return sized(['x-nul', 'a\u0000b'], ['bad name', 'x'])
    case 10: return sized(['x-split', 'a\r\nx-api-key: other'])
    case 11:
      spec.method = random.pick(['post', 'CONNECT', '', 'P O', 'M-SEARCH', 'PRI'])
      return
    case 12:
      spec.raw = Buffer.from(random.pick(['\r\n\r\n', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\nhost: x\r\n\r\n', 'GET /mcp\r\n\r\n', '\u0016\u0003\u0001\u0002\u0000', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET /mcp HTTP/1.0\r\n\r\n', '{"jsonrpc":"2.0"}']), 'latin1')
      return
    case 13:
      spec.path = random.pick(['/mcp x', '/m\u0000cp', 'http://127.0.0.1/mcp', '/ü', 'mcp', '', `/${'x'.repeat(20_000)}`])
      return
    case 14:
      spec.body = Buffer.from(`${body.length.toString(16)};ext=1\r\n${body.toString('latin1')}\r\n0\r\nx-trailer: 1\r\n\r\n`, 'latin1')
      return sized(['transfer-encoding', 'chunked'])
    case 15:
      spec.body = Buffer.from(`zz\r\n${body.toString('latin1')}\r\n0\r\n\r\n`, 'latin1')
      return sized(['transfer-encoding', 'chunked'])
    case 16: return sized(['expect', random.pick(['100-continue', 'miracles'])])
    default: return sized(['transfer-encoding', 'chunked, chunked'])
  }
}
