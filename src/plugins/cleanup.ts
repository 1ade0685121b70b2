import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface CleanupOptions {
  cleanupIntervalSeconds: number
  /** Seconds without a message after which a session may let its server instance go; 0 = never. */
  sessionHibernateSeconds: number
}

/** Ends idle sessions, once an interval, from the moment that the server is ready; and lets abandoned ones sleep, as often as they may fall asleep. */
async function cleanup (fastify: FastifyInstance, { cleanupIntervalSeconds, sessionHibernateSeconds }: CleanupOptions): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let lullaby: NodeJS.Timeout | undefined

  fastify.addHook('onReady', async () => {
    timer = setInterval(sweep, cleanupIntervalSeconds * 1_000).unref()
    if (sessionHibernateSeconds > 0) lullaby = setInterval(hibernate, sessionHibernateSeconds * 1_000).unref()
    fastify.log.info({ intervalSeconds: cleanupIntervalSeconds }, 'session cleanup started')
  })
  fastify.addHook('onClose', async () => {
    clearInterval(timer)
    clearInterval(lullaby)
  })

  function sweep (): void {
    const ended = fastify.sessions.sweep()
    if (ended > 0) fastify.log.info({ sessions: ended }, 'sessions cleaned up')
    else fastify.log.debug('session cleanup found nothing to do')
  }

  function hibernate (): void {
    const asleep = fastify.sessions.hibernate()
    if (asleep > 0) fastify.log.debug({ sessions: asleep }, 'sessions hibernated')
  }
}

export default fp(cleanup, { name: 'weir-cleanup', dependencies: ['weir-sessions'], fastify: '5.x' })
