import type { FastifyContextConfig, FastifyInstance, HTTPMethods } from 'fastify'
import { errors } from '../errors.js'
import type { EndpointName } from '../plugins/metrics.js'
import { HIDDEN } from '../schemas/hidden.js'

/** Answers 405 with `Allow` (RFC 9110, section 15.5.6) to every method of `url` that has no route; nothing of a body is read. */
export function methodNotAllowed (fastify: FastifyInstance, url: string, endpoint: EndpointName | undefined, allowed: HTTPMethods[], config: FastifyContextConfig = {}): void {
  const refuse = async (): Promise<never> => {
    throw errors.methodNotAllowed(`Use ${allowed.join(' or ')}`, { allow: allowed.join(', ') })
  }
  fastify.route({
    method: fastify.supportedMethods.filter(method => !allowed.includes(method)),
    url,
    config: { ...config, ...(endpoint !== undefined && { endpoint }) },
    schema: HIDDEN,
    onRequest: refuse,
    handler: refuse
  })
}
