import { Gone, RawClient } from '../raw-client.js'
import { StreamableSession } from './streamable-session.js'
import { pick, type World } from './world.js'

/** Milliseconds between two deeds, on average. */
const PAUSE_MS = 1_000

/** Milliseconds in which a client vanishes while its call is under way. */
const VANISH_MS = 60

/** After how many milliseconds a session hibernates, may have expired, and must have. */
export interface Ages {
  hibernatedMs: number
  mayExpireMs: number
  expiredMs: number
}

/** A life over `/mcp`. */
export function streamableLife ({ hibernatedMs, mayExpireMs, expiredMs }: Ages): (world: World) => Promise<void> {
  return async world => {
    const session = await StreamableSession.open(world)
    world.signal.addEventListener('abort', leave, { once: true })
    try {
      await spend(world, session)
    } catch (error) {
      // Whoever only listens and vanishes has said nothing.
      if (!(error instanceof Gone)) throw error
      if (session.idleMs < mayExpireMs) throw new Error(`${error.message} ${(session.idleMs / 1_000).toFixed(0)} s after it was heard`)
      world.did('expired')
    } finally {
      leave()
      world.signal.removeEventListener('abort', leave)
    }

    function leave (): void { session.leave() }
  }

  async function spend (world: World, session: StreamableSession): Promise<void> {
    while (!world.over) {
      await world.pause(PAUSE_MS)
      switch (pick({ call: 30, slowCall: 10, vanish: 15, resume: 10, listen: 10, nap: 2, oversleep: 1, delete: 4, leave: 8 })) {
        case 'call': await session.echo('echo'); break
        case 'slowCall': await session.echo('slow-echo'); break
        case 'vanish': await session.vanish(pick({ echo: 1, 'slow-echo': 3 }), Math.ceil(Math.random() * VANISH_MS)); break
        case 'resume': await session.resume(); break
        case 'listen': await session.listen(); break
        case 'nap':
          session.leave()
          await world.sleep(hibernatedMs)
          await session.echo('echo')
          world.did('woken')
          break
        case 'oversleep':
          session.leave()
          await world.sleep(expiredMs + world.slowestMs)
          await session.mustBeGone('after its time')
          return world.did('expired')
        case 'delete': return await session.delete()
        case 'leave': return world.did('left')
      }
    }
  }
}

/** A life over `/sse` and `/messages`. */
export function sseLife ({ mayExpireMs }: Ages): (world: World) => Promise<void> {
  return async world => {
    // When the last call was sent that was answered: the server counts from then, or from later.
    let heardAt = performance.now()
    let client: RawClient | undefined
    const leave = () => { client?.close() }
    world.signal.addEventListener('abort', leave, { once: true })
    try {
      client = await RawClient.initialized(world.port, world.agent)
      world.did('opened')
      await spend(world, client)
    } catch (error) {
      // On a machine that has much else to do, a client may come too late.
      if (!(error instanceof Gone) || performance.now() - heardAt < mayExpireMs) throw error
      world.did('expired')
    } finally {
      leave()
      world.signal.removeEventListener('abort', leave)
    }

    async function spend (world: World, client: RawClient): Promise<void> {
      while (!world.over) {
        await world.pause(PAUSE_MS)
        switch (pick({ call: 5, vanish: 1, leave: 1 })) {
          case 'call': {
            const calledAt = performance.now()
            await client.echo(world.text())
            heardAt = calledAt
            world.answered(calledAt)
            break
          }
          case 'vanish':
            void client.call('tools/call', { name: 'slow-echo', arguments: { text: world.text() } }).catch(() => {})
            await world.pause(VANISH_MS / 2)
            return world.did('vanished')
          case 'leave': return world.did('left')
        }
      }
    }
  }
}
