import { ServerProcess } from './server-process.js'
import { ms, type Row } from './table.js'

const REQUESTS = 10
const GOAL_MS = 2_000

/** Health checks as a load balancer sends them: one after the other, and all at once. */
export async function health (): Promise<Row[]> {
  await using server = await ServerProcess.start('weir')

  const started = performance.now()
  for (let request = 0; request < REQUESTS; request++) await check(server)
  const sequential = performance.now() - started

  const startedAgain = performance.now()
  await Promise.all(Array.from({ length: REQUESTS }, async () => { await check(server) }))
  const together = performance.now() - startedAgain

  return [
    { what: `${REQUESTS} health checks, one after the other`, weir: ms(sequential), goal: `under ${GOAL_MS} ms`, met: sequential < GOAL_MS },
    { what: `${REQUESTS} health checks at once`, weir: ms(together), goal: 'all 200', met: true }
  ]
}

async function check ({ port }: ServerProcess): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/health`)
  if (response.status !== 200) throw new Error(`GET /health: ${response.status}`)
  await response.text()
}
