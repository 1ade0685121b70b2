import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface CleanupOptions {
  cleanupIntervalSeconds: number
}

/** Ends idle sessions, once an interval, from the moment that the server is ready. */
async function cleanup (fastify: FastifyInstance, { cleanupIntervalSeconds }: CleanupOptions): Promise<void> {
  let timer: NodeJS.Timeout | undefined

  fastify.addHook('onReady', async () => {
    timer = setInterval(sweep, cleanupIntervalSeconds * 1_000).unref()
    fastify.log.info({ intervalSeconds: cleanupIntervalSeconds }, 'session cleanup started')
  })
  fastify.addHook('onClose', async () => { clearInterval(timer) })

  function sweep (): void {
    const ended = fastify.sessions.sweep()
    if (ended > 0) fastify.log.info({ sessions: ended }, 'sessions cleaned up')
    else fastify.log.debug('session cleanup found nothing to do')
  }
}

export default fp(cleanup, { name: 'weir-cleanup', dependencies: ['weir-sessions'], fastify: '5.x' })
