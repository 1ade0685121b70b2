import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'

/** One measured number. */
export interface Row {
  what: string
  /** What Weir took. */
  weir: string
  /** What the same took with Express and the SDK's `SSEServerTransport`, where there is such a thing. */
  express?: string
  goal?: string
  /** Whether Weir's number meets the goal. */
  met?: boolean
}

const head = ['', 'Weir', 'Express + SDK', 'Goal', '']

/** What the numbers were measured on. */
export function machine (): string {
  const [cpu] = os.cpus()
  const gib = Math.round(os.totalmem() / 2 ** 30)
  const versions = ['fastify', 'express', '@modelcontextprotocol/sdk', 'zod', 'pino'].map(name => `${name} ${versionOf(name)}`)
  return [
    `${cpu?.model ?? 'unknown CPU'}, ${os.availableParallelism()} cores, ${gib} GiB, ${os.type()} ${os.release()}`,
    `Node ${process.version}, mcp-weir ${versionOf('mcp-weir')}, ${versions.join(', ')}`
  ].join('\n')
}

/** The rows as a Markdown table whose columns line up. */
export function table (rows: Row[]): string {
  const lines = rows.map(({ what, weir, express = '', goal = '', met }) => [what, weir, express, goal, met === undefined ? '' : met ? 'met' : 'goal missed'])
  const widths = head.map((title, column) => Math.max(3, title.length, ...lines.map(line => line[column]?.length ?? 0)))
  const print = (cells: string[]) => `| ${cells.map((cell, column) => column === 1 || column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width, column) => column === 1 || column === 2 ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2)).join('|')}|`
  return [print(head), rule, ...lines.map(print)].join('\n')
}

/** The middle value, or the mean of the two in the middle. */
export function median (values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** Every value of several runs, smallest first. */
export function spread (values: number[]): string {
  return values.length === 0 ? '' : `${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}`
}

export function bytes (count: number): string {
  if (Math.abs(count) >= 2 ** 23) return `${(count / 2 ** 20).toFixed(0)} MiB`
  return `${(count / 1_024).toFixed(count < 102_400 ? 1 : 0)} KiB`
}

export function ms (count: number): string {
  return `${count < 10 ? count.toFixed(2) : count.toFixed(0)} ms`
}

function versionOf (name: string): string {
  const url = name === 'mcp-weir' ? new URL('../package.json', import.meta.url) : packageJsonOf(name)
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version
}

// Not every package exports its package.json: it is looked for beside what it does export.
function packageJsonOf (name: string): URL {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const url = new URL(`file://${folder}/${name}/package.json`)
    try {
      readFileSync(url)
      return url
    } catch {}
  }
  throw new Error(`${name} is not installed`)
}
