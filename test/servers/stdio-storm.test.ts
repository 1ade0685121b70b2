import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { test } from 'tap'
import { nothingLeft, RawClient, until } from '../helper.js'
import type { WireClient } from '../streamable-client.js'
import { CHILD, stdio } from './stdio-endpoint.js'

const SESSIONS = 200

/** Sessions that live at the same time. */
const AT_ONCE = 20

/** Processes that carry a marker in their arguments, a grandchild too: where the system tells. */
function marked (marker: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').filter(name => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(marker)
    } catch {
      return false
    }
  })
}

/** Pipes and sockets that this process holds. */
function descriptors (): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, '')]
    } catch {
      return []
    }
  }).sort()
}

test(`${SESSIONS} sessions that end in every way leave no child and no descriptor`, { timeout: 600_000 }, async t => {
  const marker = `storm-${randomUUID()}`
  const { built, children, client, url, app } = await stdio(t, {
    children: { killAfterMs: 1_000 },
    command: { args: [CHILD, marker] },
    sessionTimeoutSeconds: 10,
    cleanupIntervalSeconds: 0.05,
    maxSessionsPerClient: SESSIONS
  })
  const before = descriptors()

  const ends: ((client: WireClient) => Promise<unknown>)[] = [
    async client => await client.delete(),
    // Its client says nothing more: it ends when it has been idle for long enough.
    async () => {},
    async client => await client.callForText('die', { signal: 'SIGKILL' }),
    async client => await client.callForText('exit', { code: 1 }),
    async client => await client.callForText('rubbish', { line: 'rubbish' }),
    // Goes away while a call is in flight and what the child started runs.
    async client => {
      await client.callForText('grandchild', { stubborn: true })
      void client.callForText('hang').catch(() => {})
      await client.delete()
    }
  ]
  let opened = 0
  const used = Array.from({ length: AT_ONCE }, async () => {
    while (opened < SESSIONS) {
      const number = opened++
      if (number % (ends.length + 1) === ends.length) {
        const vanishing = await RawClient.session(url)
        await vanishing.initialize()
        vanishing.close()
        await vanishing.ended
      } else {
        const streamable = await client().open()
        await ends[number % (ends.length + 1)]?.(streamable)
      }
      // Others may still be ending: a place is free soon.
      await until(() => children.size < 100 - AT_ONCE)
    }
  })
  await Promise.all(used)
  await until(() => children.size === 0)
  t.same(marked(marker), [], 'no process')

  // The last ones are there when it all stops.
  const last = await Promise.all(Array.from({ length: AT_ONCE / 2 }, () => client().open()))
  t.equal(children.size, last.length)
  void last[0]?.callForText('hang').catch(() => {})
  await app.mcp.drain()
  await children.close()
  nothingLeft(t, built)
  t.same(marked(marker), [], 'no process after the shutdown')
  app.server.closeIdleConnections()
  await until(() => descriptors().length <= before.length)
  t.same(descriptors(), before, 'no descriptor')
})
