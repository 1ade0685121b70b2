import path from 'node:path'
import { test } from 'tap'
import { loadServer } from '../../src/servers/load-server.js'

const context = {} as Parameters<Awaited<ReturnType<typeof loadServer>>>[0]

test('the default export of an ES module, and both ways of CommonJS', async t => {
  const folder = t.testdir({
    'esm.mjs': 'export default () => "esm"',
    'cjs.cjs': 'module.exports = () => "cjs"',
    'compiled.cjs': 'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = () => "compiled"',
    'with space.mjs': 'export default () => "space"'
  })
  for (const [file, said] of [['esm.mjs', 'esm'], ['cjs.cjs', 'cjs'], ['compiled.cjs', 'compiled'], ['with space.mjs', 'space']] as const) {
    const createServer = await loadServer(path.join(folder, file))
    t.equal(createServer(context), said, file)
  }
})

test('whatever is wrong with a module is one line that names it', async t => {
  const folder = t.testdir({
    folder: {},
    'none.mjs': 'export const createServer = () => {}',
    'none.cjs': 'exports.createServer = () => {}',
    'empty.cjs': '',
    'number.mjs': 'export default 7',
    'object.mjs': 'export default { a: 1 }',
    'null.mjs': 'export default null',
    'instance.mjs': 'export default { connect () {}, close () {} }',
    'throws.mjs': '\n  throw new Error("no\\n  database")',
    'throws.cjs': '\nthrow new Error("no database")',
    'rubbish.mjs': 'throw "rubbish"',
    'import.mjs': 'import "not-there"',
    'syntax.mjs': 'export default ;;; = 1'
  })
  for (const [file, line] of [
    ['missing.js', /^x\/missing\.js: there is no such file$/],
    ['folder', /^x\/folder: it is not a file; name the module itself, such as x\/folder\/index\.js$/],
    ['none.mjs', /^x\/none\.mjs: it has no default export; export default a function that builds a new server at each call$/],
    ['none.cjs', /no function but an object; export/],
    ['empty.cjs', /it has no default export/],
    ['number.mjs', /no function but a number/],
    ['object.mjs', /no function but an object/],
    ['null.mjs', /no function but an object/],
    ['instance.mjs', /its default export is a server, which serves one session only; export/],
    ['throws.mjs', /^x\/throws\.mjs: it failed to load at throws\.mjs:\d+:\d+: no database$/],
    ['throws.cjs', /^x\/throws\.cjs: it failed to load at throws\.cjs:\d+:\d+: no database$/],
    ['rubbish.mjs', /it failed to load: rubbish$/],
    ['import.mjs', /it failed to load: .*not-there/],
    ['syntax.mjs', /it failed to load.*: /]
  ] as const) await t.rejects(loadServer(path.join(folder, file), { name: `x/${file}` }), { code: 'WEIR_ERR_NOT_SERVABLE', detail: line }, file)
})

test('a word that looks like a command gets a hint', async t => {
  await t.rejects(loadServer('npx'), { code: 'WEIR_ERR_NOT_SERVABLE', detail: 'npx: there is no such file; a command comes after --' })
})

test('TypeScript that this Node does not run is told how it would, and what no Node runs what it does', async t => {
  const folder = t.testdir({ 'server.ts': '', 'server.wasm': '' })
  const importModule = async () => { throw Object.assign(new Error('Unknown file extension'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' }) }
  for (const [name, line] of [
    ['server.ts', /^server\.ts: Node v[\d.]+ does not run TypeScript; use Node 22\.18 or later, or compile it/],
    ['server.wasm', /^server\.wasm: Node runs \.js, \.mjs and \.cjs$/]
  ] as const) await t.rejects(loadServer(path.join(folder, name), { name, importModule }), { code: 'WEIR_ERR_NOT_SERVABLE', detail: line })
})
