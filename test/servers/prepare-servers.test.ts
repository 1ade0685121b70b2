import path from 'node:path'
import { test } from 'tap'
import { ChildProcesses } from '../../src/servers/child-processes.js'
import { prepareServers, type PrepareOptions } from '../../src/servers/prepare-servers.js'
import { capturedLog } from '../helper.js'

function options (more: Partial<PrepareOptions> = {}) {
  const { log, lines } = capturedLog()
  const children = new ChildProcesses({ max: 5, lineLimitBytes: 65_536 })
  return { lines, children, version: '0.0.0', aareguru: {}, maxChildProcesses: 5, log, signal: new AbortController().signal, timeoutMs: 60_000, ...more }
}

test('one that does not say who it is in time is served all the same, and that is said', async t => {
  const file = path.join(t.testdir({ 'slow.mjs': 'export default () => new Promise(() => {})' }), 'slow.mjs')
  const { lines, ...given } = options({ timeoutMs: 20 })
  const [server] = await prepareServers({ kind: 'single', source: { kind: 'module', file, name: './slow.mjs' } }, given)
  t.match(server, { name: undefined, serverInfo: { name: 'mcp-weir', version: '0.0.0' }, spawns: false })
  t.match(lines, [{ level: 40, server: './slow.mjs', seconds: 0.02, msg: /has not said who it is yet/ }])
})

test('several are asked at once, each under its name', async t => {
  const folder = t.testdir({ 'a.mjs': 'export default () => new Promise(() => {})' })
  const servers = ['one', 'two'].map(name => ({ name, source: { kind: 'module' as const, file: path.join(folder, 'a.mjs'), name: './a.mjs' } }))
  const prepared = await prepareServers({ kind: 'gateway', file: 'mcp.json', servers, warnings: [] }, options({ timeoutMs: 20 }))
  t.same(prepared.map(({ name }) => name), ['one', 'two'])
})

test('the first that fails ends the start for all', async t => {
  const folder = t.testdir({ 'slow.mjs': 'export default () => new Promise(() => {})', 'bad.mjs': 'export default 1' })
  const servers = ['slow', 'bad'].map(name => ({ name, source: { kind: 'module' as const, file: path.join(folder, `${name}.mjs`), name: `./${name}.mjs` } }))
  await t.rejects(prepareServers({ kind: 'gateway', file: 'mcp.json', servers, warnings: [] }, options()), { code: 'WEIR_ERR_NOT_SERVABLE', detail: /^mcp\.json: "bad": \.\/bad\.mjs: its default export/ })
})

test('a file with more commands than there may be processes is refused', async t => {
  const command = { command: 'node', args: [], env: {} }
  const servers = ['one', 'two'].map(name => ({ name, source: { kind: 'command' as const, command } }))
  await t.rejects(prepareServers({ kind: 'gateway', file: 'mcp.json', servers, warnings: [] }, options({ maxChildProcesses: 1 })), { code: 'WEIR_ERR_INVALID_CONFIG', detail: 'MAX_CHILD_PROCESSES=1: mcp.json has 2 commands, and each needs one' })
})
