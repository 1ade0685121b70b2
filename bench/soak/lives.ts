import { RawClient } from '../raw-client.js'
import { StreamableSession } from './streamable-session.js'
import { pick, type World } from './world.js'

/** Milliseconds between two deeds, on average. */
const PAUSE_MS = 1_000

/** Milliseconds in which a client vanishes while its call is under way. */
const VANISH_MS = 60

/** How long sleepers sleep: some wake as their sessions hibernate, some find theirs expired. */
export interface Naps {
  hibernatedMs: number
  expiredMs: number
}

/** A life over `/mcp`. */
export function streamableLife ({ hibernatedMs, expiredMs }: Naps): (world: World) => Promise<void> {
  return async world => {
    const session = await StreamableSession.open(world)
    world.signal.addEventListener('abort', leave, { once: true })
    try {
      await spend(world, session)
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
        case 'call': await mustBeThere(session.echo('echo')); break
        case 'slowCall': await mustBeThere(session.echo('slow-echo')); break
        case 'vanish': await session.vanish(pick({ echo: 1, 'slow-echo': 3 }), Math.ceil(Math.random() * VANISH_MS)); break
        case 'resume': await session.resume(); break
        case 'listen': await session.listen(); break
        case 'nap':
          session.leave()
          await world.sleep(hibernatedMs)
          await mustBeThere(session.echo('echo'))
          world.did('woken')
          break
        case 'oversleep':
          session.leave()
          await world.sleep(expiredMs)
          if (!await session.echo('echo')) return world.did('expired')
          break
        case 'delete': return await session.delete()
        case 'leave': return world.did('left')
      }
    }
  }
}

/** A life over `/sse` and `/messages`. */
export async function sseLife (world: World): Promise<void> {
  const client = await RawClient.initialized(world.port, world.agent)
  world.did('opened')
  const leave = () => { client.close() }
  world.signal.addEventListener('abort', leave, { once: true })
  try {
    while (!world.over) {
      await world.pause(PAUSE_MS)
      switch (pick({ call: 5, vanish: 1, leave: 1 })) {
        case 'call':
          await client.echo(world.text())
          world.did('answered')
          break
        case 'vanish':
          void client.call('tools/call', { name: 'slow-echo', arguments: { text: world.text() } }).catch(() => {})
          await world.pause(VANISH_MS / 2)
          return world.did('vanished')
        case 'leave': return world.did('left')
      }
    }
  } finally {
    leave()
    world.signal.removeEventListener('abort', leave)
  }
}

async function mustBeThere (answered: Promise<boolean>): Promise<void> {
  if (!await answered) throw new Error('a session is gone that should be there')
}
