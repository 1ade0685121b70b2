import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../scripts/free-port.js'
import { ECHO_SERVER } from './command.js'

const require = createRequire(import.meta.url)

/** Milliseconds for a gateway to listen. */
const START_MS = 30_000

const arguments_ = {
  supergateway: (port: number) => ['--stdio', [ECHO_SERVER.command, ...ECHO_SERVER.args].join(' '), '--outputTransport', 'streamableHttp', '--stateful', '--logLevel', 'none', '--port', String(port)],
  'mcp-proxy': (port: number) => ['--server', 'stream', '--host', '127.0.0.1', '--port', String(port), '--', ECHO_SERVER.command, ...ECHO_SERVER.args]
}

/** Another gateway from HTTP to stdio, in a process of its own. */
export class Gateway implements AsyncDisposable {
  private constructor (readonly child: ChildProcess, readonly port: number) {}

  /** Starts one as its own command does, and waits until it listens. */
  static async start (name: keyof typeof arguments_): Promise<Gateway> {
    const port = await freePort()
    // All that it starts can be ended with it.
    const child = spawn(process.execPath, [binOf(name), ...arguments_[name](port)], { detached: true, stdio: 'ignore' })
    const gateway = new Gateway(child, port)
    const deadline = performance.now() + START_MS
    while (!await listens(port)) {
      if (performance.now() > deadline || child.exitCode !== null) throw new Error(`${name} does not listen`)
      await delay(50)
    }
    return gateway
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    const exited = once(this.child, 'exit')
    process.kill(-(this.child.pid ?? NaN), 'SIGKILL')
    await exited
  }
}

function binOf (name: string): string {
  const file = require.resolve(`${name}/package.json`)
  const { bin } = require(file) as { bin: string | Record<string, string> }
  return new URL(typeof bin === 'string' ? bin : bin[name] ?? '', `file://${file}`).pathname
}

function listens (port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => { socket.destroy(); resolve(true) }).once('error', () => { resolve(false) })
  })
}
