import { headerOf, known, MARKS, ownerOf, pathOf, type Spec } from './spec.js'
import type { Exchange } from './wire.js'
import type { Pending, World } from './world.js'

/** The table of statuses that `/mcp` answers with. */
const table: Record<string, number[]> = {
  POST: [200, 202, 400, 401, 403, 404, 406, 413, 415, 429, 503],
  GET: [200, 204, 400, 401, 403, 404, 406, 429, 503],
  DELETE: [204, 400, 401, 403, 404, 429]
}

/** Checks an answer that is there as a whole: what has to be true whatever was asked. */
export function checkAnswer (world: World, { spec, exchange, connection, queued }: Pending): void {
  const { status } = exchange
  const wrong = (what: string) => { world.fail(what, spec, exchange) }
  world.meet(`${spec.broken ? 'broken ' : ''}${spec.method} ${pathOf(spec).slice(0, 20)} ${status}`)
  if (status >= 500) checkServerError(spec, exchange, wrong)
  if (status < 300) checkOwnership(world, spec, exchange, wrong)
  if (!exchange.isStream) checkText(world, spec, exchange.body, 'json', wrong)
  noteSession(world, spec, exchange)
  noteEnd(world, spec, exchange)
  if (spec.broken) return
  if (exchange.outcome === 'lost' && !queued && !connection.gone) wrong('The connection ended in the middle of an answer')
  if (spec.expected !== undefined && !spec.expected.includes(status)) wrong(`Expected ${spec.expected.join(' or ')}`)
  if (pathOf(spec) === '/mcp') checkMcp(world, spec, exchange, wrong)
}

/** A request that got no answer at all, though nobody cut its connection: only what is too large to be read to its end may. */
export function checkLost (world: World, { spec, exchange, connection, queued }: Pending): void {
  const session = world.issued.get(headerOf(spec, 'mcp-session-id') ?? '')
  if (spec.broken || queued || connection.gone || connection.refused || session?.flooded === true || (spec.body?.length ?? 0) > 60_000) return
  world.fail('The connection ended without an answer', spec, exchange)
}

/** An answer to `initialize` names a session. */
function noteSession (world: World, spec: Spec, { status, headers, body }: Exchange): void {
  const id = headers['mcp-session-id']
  const owner = ownerOf(spec)
  if (status !== 200 || id === undefined || owner === undefined) return
  world.add(known(id, owner, 'streamable', /"protocolVersion":"([^"]*)"/.exec(body)?.[1] ?? '2025-11-25'))
}

/** A session is over once its own client heard so. */
function noteEnd (world: World, spec: Spec, { status, body }: Exchange): void {
  const session = world.issued.get(headerOf(spec, 'mcp-session-id') ?? new URLSearchParams(spec.path.split('?')[1]).get('session_id') ?? '')
  if (session === undefined || session.owner !== ownerOf(spec) || session.kind !== (pathOf(spec) === '/mcp' ? 'streamable' : 'sse')) return
  if ((spec.method === 'DELETE' && status === 204) || (status === 404 && body.includes('Session not found'))) world.over(session)
}

type Wrong = (what: string) => void

function checkServerError (spec: Spec, { status, headers, body }: Exchange, wrong: Wrong): void {
  // RFC 9112, section 6.1: a transfer coding that a server does not know is answered 501; RFC 9110, 15.6.6: its version 505.
  if (spec.broken && (status === 501 || status === 505)) return
  if (status !== 503) wrong('A server error')
  else if (headers['retry-after'] === undefined) wrong('A 503 without Retry-After')
  if (/node_modules|\.ts:|\.js:|Error:/.test(body)) wrong('Internals in an error')
}

/** Nothing is done for who has no key, or names a session that is not his own. */
function checkOwnership (world: World, spec: Spec, { status, startedAt }: Exchange, wrong: Wrong): void {
  if (!['GET', 'POST', 'DELETE'].includes(spec.method) || spec.raw !== undefined) return
  const path = pathOf(spec)
  const owner = ownerOf(spec)
  if (['/mcp', '/sse', '/messages'].includes(path) && owner === undefined) return wrong(`${status} without a key`)
  const id = path === '/messages' ? new URLSearchParams(spec.path.split('?')[1]).get('session_id') : path === '/mcp' ? headerOf(spec, 'mcp-session-id') : undefined
  if (id === undefined) return
  const session = world.issued.get(id ?? '')
  if (session === undefined) wrong('Success in a session that was never given')
  else if (session.owner !== owner) wrong("Success in another owner's session")
  else if (session.kind !== (path === '/mcp' ? 'streamable' : 'sse')) wrong("Success in another transport's session")
  else if (session.overAt !== undefined && session.overAt < startedAt) wrong('Success in a session that has ended')
}

/** What a server said belongs to one session, and comes by one way. */
export function checkText (world: World, spec: Spec, text: string, way: string, wrong: Wrong, tag?: string): void {
  // A client of that revision would take the answer for its own.
  if (/"code":\s*-3202[012]\b/.test(text)) wrong('An error of revision 2026-07-28')
  if (!text.includes('«')) return
  const owner = ownerOf(spec)
  const expected = tag ?? world.issued.get(headerOf(spec, 'mcp-session-id') ?? '')?.tag
  for (const [, mark] of text.matchAll(/«s:([0-9a-f]*)»/g)) if (mark !== expected) wrong(`What was said in one session came in another: ${mark}, not ${expected}`)
  for (const [, mark] of text.matchAll(/«o:(zero|one)»/g)) if (owner === undefined || mark !== MARKS[owner]) wrong(`What owner ${mark} said came to owner ${owner}`)
  for (const [, number = ''] of text.matchAll(/«n:(\d+)»/g)) {
    const before = world.ways.get(number)
    if (before !== undefined && (before !== way || way === 'json' || way === 'sse')) wrong(`One message came twice: ${number} as ${before} and as ${way}`)
    world.ways.set(number, way)
  }
}

function checkMcp (world: World, spec: Spec, exchange: Exchange, wrong: Wrong): void {
  const { status, headers, body } = exchange
  // Fastify knows no such methods: the host answers.
  if (spec.method === 'PROPFIND' || spec.method === 'SEARCH') return
  const possible = table[spec.method]
  if (possible !== undefined && !possible.includes(status)) wrong(`${status} is not in the table`)
  if (possible === undefined && status !== 405 && status !== 403) wrong(`${status} for a method that /mcp does not have`)
  if (status === 405 && headers['allow'] === undefined) wrong('A 405 without Allow')
  if (spec.method === 'HEAD') return
  if (status >= 400) checkRefusal(spec, exchange, wrong)
  else if (status !== 200 && body !== '') wrong(`A body with ${status}`)
  else if (status === 200 && !exchange.isStream) checkJson(world, spec, exchange, wrong)
}

function checkRefusal (spec: Spec, { status, headers, body }: Exchange, wrong: Wrong): void {
  if (headers['mcp-session-id'] !== undefined) wrong('A refusal that names a session')
  const answer = parse(body)
  if (!isObject(answer)) return wrong('An error that is no JSON object')
  if (status === 401 || status === 403) {
    if (typeof answer['error'] !== 'string') wrong('An error of another shape')
    return
  }
  const { jsonrpc, id, error } = answer
  if (jsonrpc !== '2.0' || !(id === null || typeof id === 'string' || typeof id === 'number')) wrong('An error that is no JSON-RPC')
  if (!isObject(error) || !Number.isInteger(error['code']) || typeof error['message'] !== 'string') wrong('An error that is no JSON-RPC error')
  if (spec.id !== undefined && id !== null && id !== spec.id) wrong('An error with another id')
}

/** JSON that answers requests: each answer has the id of one that was asked, and none is missing. */
function checkJson (world: World, spec: Spec, { headers, body }: Exchange, wrong: Wrong): void {
  const answer = parse(body)
  const asked = parse(spec.body?.toString() ?? '')
  if (Array.isArray(asked) !== Array.isArray(answer)) return wrong('A batch is answered with a batch, and nothing else is')
  const session = world.issued.get(headerOf(spec, 'mcp-session-id') ?? '')
  const expected = [asked].flat().filter(message => isObject(message) && 'method' in message && 'id' in message).map(message => JSON.stringify((message as Record<string, unknown>)['id']))
  const got = [answer].flat().map(message => isObject(message) && message['jsonrpc'] === '2.0' ? JSON.stringify(message['id']) : undefined)
  if (got.some(id => id === undefined || !expected.includes(id)) || new Set(got).size !== got.length) wrong('An answer that belongs to no request of these')
  const missing = expected.filter(id => !got.includes(id) && session?.cancelled.has(id) !== true)
  if (missing.length > 0) wrong(`No answer for ${missing.join(', ').slice(0, 200)}`)
  const opens = headerOf(spec, 'mcp-session-id') === undefined
  if (opens !== (headers['mcp-session-id'] !== undefined) && !(opens && isObject(answer) && 'error' in answer)) wrong('A session is named when it is opened, and only then')
}

function parse (text: string): unknown {
  try {
    // A byte order mark may be ignored (RFC 8259, section 8.1).
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
