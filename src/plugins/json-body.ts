import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.js'

/** Levels of nesting. Far more than that, and whoever writes the value again runs out of stack. */
const MAX_DEPTH = 1_000

/** A body of so many bytes is never too deep for the stack: it is not looked through. */
const SHALLOW_BYTES = 16_384

/**
 * Makes JSON in UTF-8 (RFC 8259, section 8.1) the only body of this scope, whatever the host parses;
 * a key that could poison a prototype is refused.
 */
async function jsonBody (fastify: FastifyInstance): Promise<void> {
  const parse = fastify.getDefaultJsonParser('error', 'error')
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const type = String(request.headers['content-type'])
    const charset = type === 'application/json' ? undefined : /charset="?([^";\s]*)/i.exec(type)?.[1]
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
      done(errors.unsupportedMediaType(`Send application/json in UTF-8, not in ${charset}`))
    } else if (request.headers['content-encoding'] !== undefined && !/^(identity)?$/i.test(request.headers['content-encoding'])) {
      done(errors.unsupportedMediaType('Send the body as it is, without a Content-Encoding'))
    } else if (!isUtf8(body)) {
      done(errors.parseError('The body is not UTF-8'))
    } else if (body.length > SHALLOW_BYTES && isDeep(body)) {
      done(errors.parseError(`The body is nested more than ${MAX_DEPTH} levels deep`))
    } else {
      // eslint-disable-next-line @typescript-eslint/no-floating-promises -- the parser calls done, and returns nothing
      parse(request, body.toString(), done)
    }
  })
}

function isDeep (json: Buffer): boolean {
  let depth = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (byte === 0x22) { // A string: on to its end.
      do at = json.indexOf(0x22, at + 1)
      while (at !== -1 && isEscaped(json, at))
      if (at === -1) return false
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) return true
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--
    }
  }
  return false
}

/** Whether an odd number of backslashes stands before. */
function isEscaped (json: Buffer, at: number): boolean {
  let start = at
  while (json[start - 1] === 0x5c) start--
  return (at - start) % 2 === 1
}

export default fp(jsonBody, { name: 'weir-json-body', fastify: '5.x' })
