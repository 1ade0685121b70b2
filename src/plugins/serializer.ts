import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Answers are plain JSON, whatever compiler (of Zod, say) or envelope the host has for its own. */
async function serializer (fastify: FastifyInstance): Promise<void> {
  fastify.setSerializerCompiler(() => data => JSON.stringify(data))
  fastify.setReplySerializer(payload => JSON.stringify(payload))
}

export default fp(serializer, { name: 'weir-serializer', fastify: '5.x' })
