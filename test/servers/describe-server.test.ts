import { Server as ServerV2 } from '@modelcontextprotocol/server'
import { test, type Test } from 'tap'
import type { CreateServer, ServerContext } from '../../src/options.js'
import { describeServer, type DescribeServerOptions } from '../../src/servers/describe-server.js'
import { capturedLog, fixtureServer } from '../helper.js'

const describe = (createServer: CreateServer, options: Partial<DescribeServerOptions> = {}) =>
  describeServer(createServer, { name: './x.js', version: '0.0.0', log: capturedLog().log, signal: new AbortController().signal, timeoutMs: 60_000, ...options })

const refused = (t: Test, createServer: CreateServer, line: RegExp) => t.rejects(describe(createServer), { code: 'WEIR_ERR_NOT_SERVABLE', detail: line })

test('learns name and version of one instance, and lets it go', async t => {
  let context: ServerContext | undefined
  let closed = 0
  const info = await describe(given => {
    context = given
    t.notOk(given.signal.aborted)
    return fixtureServer({ onclose: () => { closed++ } })
  })
  t.same(info, { name: 'fixture', version: '1.2.3' })
  t.match(context, { principal: { id: 'anonymous' }, transport: 'streamable', sessionHash: 'start', clientInfo: { name: 'mcp-weir', version: '0.0.0' }, headers: {} })
  t.ok(context?.signal.aborted, 'its signal says that it is let go')
  t.equal(closed, 1)
})

test('a server of SDK v2 too', async t => {
  t.same(await describe(async () => new ServerV2({ name: 'two', version: '2.0.0' }, { capabilities: {} })), { name: 'two', version: '2.0.0' })
})

test('what fails is one line', async t => {
  await refused(t, () => { throw new Error('no\n  database') }, /^\.\/x\.js: no database$/)
  await refused(t, async () => { throw Object.assign(new Error('Too many'), { detail: 'MAX is 1' }) }, /^\.\/x\.js: MAX is 1$/)
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- somebody will
  await refused(t, () => { throw undefined }, /^\.\/x\.js: undefined$/)
  await refused(t, () => undefined as never, /^\.\/x\.js: createServer must return a server/)
  await refused(t, () => ({ connect: async () => {} }) as never, /^\.\/x\.js: createServer must return a server/)
  await refused(t, () => ({ connect: async transport => { transport.onmessage = () => { void transport.close() } }, close: async () => { throw new Error('closed already') } }), /^\.\/x\.js: it closed before it had answered initialize$/)
  await refused(t, () => ({
    connect: async transport => {
      transport.onmessage = message => { if ('id' in message) void transport.send({ jsonrpc: '2.0', id: message.id as number, error: { code: -32603, message: 'The MCP server exited with code 3' } }) }
      await transport.start()
    },
    close: async () => {}
  }), /^\.\/x\.js: The MCP server exited with code 3$/)
})

test('one that takes too long is given up, and closed whenever it comes', async t => {
  let closed = 0
  let build: ((server: ReturnType<typeof fixtureServer>) => void) | undefined
  t.equal(await describe(() => new Promise(resolve => { build = resolve }), { timeoutMs: 1 }), undefined)
  const late = fixtureServer()
  const closing = new Promise<void>(resolve => { late.close = async () => { closed++; resolve() } })
  build?.(late)
  await closing
  t.equal(closed, 1)
})

test('told to end, it ends', async t => {
  const end = new AbortController()
  const asked = describe(() => { end.abort(); return new Promise(() => {}) }, { signal: end.signal })
  await t.rejects(asked, { code: 'WEIR_ERR_INTERRUPTED' })
  await t.rejects(describe(() => fixtureServer(), { signal: end.signal }), { code: 'WEIR_ERR_INTERRUPTED' }, 'before it began')
})
