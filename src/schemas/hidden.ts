import type { FastifySchema } from 'fastify'

/** For routes that only refuse: they stay out of the OpenAPI document of a host with `@fastify/swagger`, which reads this key. */
export const HIDDEN: FastifySchema & { hide: true } = { hide: true }
