import { fileURLToPath } from 'node:url'

/** The command that every contestant starts. */
export const ECHO_SERVER = { command: process.execPath, args: [fileURLToPath(new URL('echo-server.mjs', import.meta.url))] }

/** A command that starts as fast as Node does. */
export const BARE_SERVER = { command: process.execPath, args: [fileURLToPath(new URL('bare-server.mjs', import.meta.url))] }

/** Calls of one session that are in flight at the same time. */
export const IN_FLIGHT = 16
