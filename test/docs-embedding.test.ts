// Each program in docs/embedding.md is type-checked and run, and its table compared with the options.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import ts from 'typescript'
import { PlainOptions } from '../src/options.js'

const root = path.resolve(import.meta.dirname, '..')
const page = readFileSync(path.join(root, 'docs/embedding.md'), 'utf8')
const programs = [...page.matchAll(/^## (.*)$|```ts\n([^]*?)```/gm)].reduce<{ heading: string, found: { under: string, code: string }[] }>(
  ({ heading, found }, [, title, code]) => ({ heading: title ?? heading, found: code === undefined ? found : [...found, { under: title ?? heading, code }] }),
  { heading: 'Register', found: [] }
).found

/** The package's names, each with the source that it is built from. */
const { exports: exported } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { exports: Record<string, { default?: string }> }
const sources = Object.entries(exported).flatMap(([name, target]) => target.default === undefined ? [] : [[name.replace('.', 'mcp-weir'), path.join(root, target.default.replace('./dist/', 'src/').replace('.js', '.ts'))] as const])
// Longest first: one name is the beginning of another.
sources.sort(([one], [other]) => other.length - one.length)

test('each program is right for TypeScript', async t => {
  const folder = t.testdir({})
  const files = programs.map(({ code }, index) => {
    const file = path.join(folder, `program-${index}.ts`)
    writeFileSync(file, code)
    return file
  })
  t.ok(files.length >= 8)
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(path.join(root, 'tsconfig.json'), name => ts.sys.readFile(name)).config, ts.sys, root)
  const program = ts.createProgram(files, { ...options, rootDir: root, paths: Object.fromEntries(sources.map(([name, source]) => [name, [source]])) })
  const said = ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => `${path.basename(file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
  t.same(said, [])
})

for (const { under, code } of programs) {
  test(`the program under "${under}" runs`, async t => {
    const linked = sources.reduce((text, [name, source]) => text.replaceAll(`'${name}'`, `'${pathToFileURL(source).href}'`), code)
    const { outputText } = ts.transpileModule(`${linked}\nexport { app }`, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
    const file = path.join(t.testdir({}), 'program.mjs')
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, outputText)
    const listeners = process.listeners('SIGTERM')
    const { app } = await import(pathToFileURL(file).href) as { app: FastifyInstance }
    t.teardown(async () => {
      for (const listener of process.listeners('SIGTERM')) if (!listeners.includes(listener)) process.off('SIGTERM', listener)
      await app.close()
    })
    // The one that shows a wrong option has no endpoint.
    if (under === 'Errors') return
    const [, prefix = ''] = /prefix: '([^']+)'/.exec(code) ?? []
    t.match((await app.inject(`${prefix}/health`)).json(), { status: 'healthy' })
    t.ok(app.mcp.sessions.size >= 0)
  })
}

test('the table has every option, with its default', async t => {
  const [, section = ''] = page.split('## Options\n')
  const told = new Map([...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, name = '', value = '']) => [name, value] as const))
  t.same([...told.keys()].sort(), ['createServer', 'authenticate', ...Object.keys(PlainOptions.properties)].sort())
  for (const [name, schema] of Object.entries(PlainOptions.properties as Record<string, { default?: unknown }>)) {
    if (schema.default !== undefined) t.equal(told.get(name), `\`${JSON.stringify(schema.default).replaceAll('"', '\'')}\``, name)
  }
})
