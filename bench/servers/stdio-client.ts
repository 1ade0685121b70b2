import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { ECHO_SERVER, IN_FLIGHT } from '../stdio/command.js'
import { answerParent } from './reports.js'

/** Milliseconds of one run. */
const RUN_MS = 1_000

// The SDK's client directly on the command: what a gateway stands between.
const client = new Client({ name: 'bench', version: '1.0.0' })
await client.connect(new StdioClientTransport({ ...ECHO_SERVER, stderr: 'ignore' }))

async function run (): Promise<number> {
  const started = performance.now()
  let calls = 0
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (performance.now() - started < RUN_MS) {
      const text = `call ${++calls}`
      const { content } = await client.callTool({ name: 'echo', arguments: { text } }) as { content: { text: string }[] }
      if (content[0]?.text !== text) throw new Error(`an answer to something else than ${text}`)
    }
  }))
  return calls * 1_000 / (performance.now() - started)
}

answerParent(0, { run })
