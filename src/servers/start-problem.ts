import { existsSync } from 'node:fs'
import type { StdioCommand } from './child-group.js'

/** Why a command could not be started. */
export function startProblem (error: unknown, { command, cwd }: StdioCommand): string {
  const { code, message } = error as NodeJS.ErrnoException
  return `could not be started: ${reasonOf(code, { command, cwd }) ?? message}`
}

function reasonOf (code: string | undefined, { command, cwd }: { command: string, cwd: string | undefined }): string | undefined {
  // The system says the same of both.
  if (code === 'ENOENT') return cwd !== undefined && !existsSync(cwd) ? `no such folder: ${cwd}` : `command not found: ${command}`
  if (code === 'EACCES') return `not executable: ${command}`
  return undefined
}
