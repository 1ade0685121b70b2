import os from 'node:os'
import type { ServerProcess } from './server-process.js'

export interface Watched<Result> {
  result: Result
  ms: number
  /** Microseconds of the server's CPU time. */
  cpu: number
  /** Milliseconds of CPU time that the rest of the machine took meanwhile. */
  others: number
}

/** Runs something against a server, and watches what it cost, and whom the machine worked for beside. */
export async function watch<Result> (server: ServerProcess, run: () => Promise<Result>): Promise<Watched<Result>> {
  const [cpuBefore, ownBefore, busyBefore] = [await server.cpu(), ownMs(), busyMs()]
  const started = performance.now()
  const result = await run()
  const ms = performance.now() - started
  const [busy, own, cpu] = [busyMs() - busyBefore, ownMs() - ownBefore, await server.cpu() - cpuBefore]
  return { result, ms, cpu, others: busy - own - cpu / 1_000 }
}

/** The half of the rounds in which the rest of the machine did least: on a shared machine the others measure somebody else. */
export function calmHalf<Round extends { others: number }> (rounds: Round[]): Round[] {
  return rounds.toSorted((a, b) => a.others - b.others).slice(0, Math.ceil(rounds.length / 2))
}

function ownMs (): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function busyMs (): number {
  return os.cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
}
