import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { keepAlive, RawClient } from './raw-client.js'
import { median, ms, type Row } from './table.js'

const ROUNDS = 5
const GOAL_MS = 1_000

/** From the command's start to its first answers. */
export async function start (): Promise<Row[]> {
  const healthy: number[] = []
  const initialized: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now()
    // In a folder without an `.env`, and without this shell's settings.
    const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/cli.js', import.meta.url)), '--port', '0'], { cwd: tmpdir(), env: {}, stdio: ['ignore', 'ignore', 'pipe'] })
    const agent = keepAlive()
    try {
      const port = await portOf(child)
      const { status } = await fetch(`http://127.0.0.1:${port}/health`)
      if (status !== 200) throw new Error(`GET /health: ${status}`)
      healthy.push(performance.now() - started)
      const client = await RawClient.open(port, agent)
      await client.initialize()
      initialized.push(performance.now() - started)
      client.close()
    } finally {
      agent.destroy()
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
  }
  return [
    { what: 'Start of the command to the first healthy answer', weir: ms(median(healthy)), goal: `under ${GOAL_MS} ms`, met: median(healthy) < GOAL_MS },
    { what: '... to the first session that is ready', weir: ms(median(initialized)), goal: `under ${GOAL_MS} ms`, met: median(initialized) < GOAL_MS }
  ]
}

/** The port that the command's log names. */
async function portOf (child: ChildProcess): Promise<number> {
  if (child.stderr === null) throw new Error('the command has no log')
  const lines = createInterface({ input: child.stderr })
  for await (const line of lines) {
    const { address } = JSON.parse(line) as { address?: string }
    if (address !== undefined) return Number(new URL(address).port)
  }
  throw new Error('the command ended without listening')
}
