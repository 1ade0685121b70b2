import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** One of the official suites, @modelcontextprotocol/conformance, and how many of its checks a conforming server passes. */
export interface Suite {
  /** The name that package.json installs it by. */
  name: 'conformance-stable' | 'conformance-next'
  args: string[]
  passes: number
}

/**
 * Both with the scenarios that their authors call pending. Of three `tools/list` at a time one check more would count how many
 * event streams came back: Weir answers with JSON.
 */
export const SUITES: Suite[] = [
  { name: 'conformance-stable', args: ['--suite', 'all'], passes: 46 },
  { name: 'conformance-next', args: ['--requirements', '2025-11-25'], passes: 83 }
]

export interface SuiteResult {
  passed: number
  failed: number
  warnings: number
  /** A line for each check that failed or warned. */
  complaints: string[]
  /** All that the suite wrote, to stdout and then to stderr. */
  output: string
}

interface Check { name: string, status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO', errorMessage?: string }

/** Seconds after which a suite is ended: it takes three, and longer where a server leaves requests without an answer. */
const TIMEOUT = 100

/** Whether a server conforms. A suite that ended early or checked nothing passed too little. */
export function conforms ({ passes }: Pick<Suite, 'passes'>, { passed, failed }: Pick<SuiteResult, 'passed' | 'failed'>): boolean {
  return failed === 0 && passed >= passes
}

/** Runs a suite in a process of its own against the MCP endpoint at `url`. */
export async function runSuite ({ name, args }: Pick<Suite, 'name' | 'args'>, url: string): Promise<SuiteResult> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-conformance-'))
  try {
    const output = await run(['--import', import.meta.resolve('./glob-sync.js'), fileURLToPath(import.meta.resolve(`${name}/dist/index.js`)), 'server', '--url', url, ...args, '-o', dir], dir)
    const checks = await readChecks(dir)
    const [, passed = '0', failed = '0'] = /^Total: (\d+) passed, (\d+) failed/m.exec(output) ?? []
    const complaints = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
    return {
      passed: Number(passed),
      failed: Number(failed),
      warnings: complaints.filter(({ status }) => status === 'WARNING').length,
      complaints: complaints.map(({ scenario, name, status, errorMessage }) => `${status} ${scenario} ${name}: ${errorMessage ?? ''}`),
      output
    }
  } finally {
    await rm(dir, { recursive: true })
  }
}

// Nothing of this process's environment that would load code there or change where it connects to.
async function run (args: string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, args, { cwd, env: {}, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT * 1000 })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return stdout + stderr
}

async function readChecks (dir: string): Promise<(Check & { scenario: string })[]> {
  const files = (await readdir(dir, { recursive: true })).filter(file => file.endsWith('checks.json')).sort()
  const checks = await Promise.all(files.map(async file => {
    const scenario = file.replace(/^server-|-\d{4}-\d{2}-\d{2}T.*$/g, '')
    return (JSON.parse(await readFile(join(dir, file), 'utf8')) as Check[]).map(check => ({ ...check, scenario }))
  }))
  return checks.flat()
}
