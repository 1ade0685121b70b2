import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { errors } from '../errors.js'

/**
 * Makes JSON in UTF-8 (RFC 8259, section 8.1) the only body of this scope, whatever the host parses;
 * a key that could poison a prototype is refused.
 */
async function jsonBody (fastify: FastifyInstance): Promise<void> {
  const parse = fastify.getDefaultJsonParser('error', 'error')
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    const charset = /charset="?([^";\s]*)/i.exec(String(request.headers['content-type']))?.[1]
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
      done(errors.unsupportedMediaType(`Send application/json in UTF-8, not in ${charset}`))
    } else if (!isUtf8(body)) {
      done(errors.parseError('The body is not UTF-8'))
    } else {
      // eslint-disable-next-line @typescript-eslint/no-floating-promises -- the parser calls done, and returns nothing
      parse(request, body.toString(), done)
    }
  })
}

export default fp(jsonBody, { name: 'weir-json-body', fastify: '5.x' })
