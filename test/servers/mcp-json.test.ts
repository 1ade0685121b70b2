import { homedir } from 'node:os'
import path from 'node:path'
import { test, type Test } from 'tap'
import { readMcpJson } from '../../src/servers/mcp-json.js'

/** `${inner}`, which the linter takes for a forgotten template. */
const ref = (inner: string) => `\${${inner}}`

function file (t: Test, content: unknown, name = 'mcp.json'): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const [folder = '', inside] = name.includes('/') ? name.split('/') : ['.', name]
  return path.join(t.testdir(folder === '.' ? { [name]: text } : { [folder]: { [inside ?? '']: text } }), name)
}

const env = { PATH: '/bin', TOKEN: 'abc', API_KEYS: 'secret' }

test('mcpServers: commands with their arguments, environment and folder, and modules', async t => {
  const name = file(t, {
    mcpServers: {
      files: { command: 'npx', args: ['-y', ref('env:TOKEN')], env: { KEY: ref('TOKEN'), PORT: 8, ON: true, PATH: '/opt' }, cwd: 'sub', alwaysAllow: [] },
      plain: { command: ref('userHome') + '/bin/x' },
      'my-module.v2': { module: './server.js' }
    }
  })
  const folder = path.dirname(name)
  t.same(readMcpJson(name, env), {
    warnings: [],
    servers: [
      { name: 'files', source: { kind: 'command', command: { command: 'npx', args: ['-y', 'abc'], env: { PATH: '/opt', KEY: 'abc', PORT: '8', ON: 'true' }, cwd: path.join(folder, 'sub') } } },
      { name: 'plain', source: { kind: 'command', command: { command: `${homedir()}/bin/x`, args: [], env: { PATH: '/bin' }, cwd: folder } } },
      { name: 'my-module.v2', source: { kind: 'module', file: path.join(folder, 'server.js'), name: './server.js' } }
    ]
  })
})

test('the file of VS Code: servers, comments, trailing commas, a byte order mark, and the folder above', async t => {
  const name = file(t, `\uFEFF{
    // what VS Code writes
    "servers": { "a": { "type": "stdio", "command": "node", "args": ["${ref('workspaceFolder')}/s.js",], }, },
    "inputs": [],
  }`, '.vscode/mcp.json')
  const project = path.dirname(path.dirname(name))
  t.match(readMcpJson(name, env).servers, [{ name: 'a', source: { command: { args: [`${project}/s.js`], cwd: project } } }])
})

test('what is disabled, or not ours, is left out and said; a field that nobody knows is said', async t => {
  const name = file(t, { mcpServers: { off: { command: 'x', disabled: true }, far: { url: 'https://x' }, http: { type: 'http', url: 'https://x' }, on: { command: 'x', argz: [] } } })
  const { servers, warnings } = readMcpJson(name, env)
  t.same(servers.map(server => server.name), ['on'])
  t.match(warnings, [/"off" is left out: it is disabled/, /"far" is left out: it is reached by a URL/, /"http" is left out/, /"on": argz is no field/])
  t.equal(warnings.length, 4)
})

test('whatever is wrong is one line: the file, the server, the field, the rule', async t => {
  const one = (entry: unknown, name = 'a') => ({ mcpServers: { [name]: entry } })
  for (const [content, line] of [
    ['{ "a": 1,, }', /mcp\.json:1:10: it is not JSON: PropertyNameExpected$/],
    ['{\n  "a" 1 }', /mcp\.json:2:7: it is not JSON: ColonExpected$/],
    ['', /mcp\.json:1:1: it is not JSON: ValueExpected$/],
    [[], /mcp\.json: it must be an object with mcpServers$/],
    [{}, /it has neither mcpServers .* nor servers/],
    [{ mcpServers: {}, servers: {} }, /both mcpServers and servers/],
    [{ mcpServers: [] }, /mcp\.json: mcpServers must be an object/],
    [{ servers: 1 }, /mcp\.json: servers must be an object/],
    [{ mcpServers: {} }, /mcp\.json: it has no server to serve$/],
    [one({ url: 'https://x' }), /it has no server to serve: .*"a" is left out/],
    [one('npx'), /"a": it must be an object, such as/],
    [one({ command: 7 }), /"a": command: expected string$/],
    [one({ command: '' }), /"a": command: expected string length/],
    [one({ command: 'x', args: 'y' }), /"a": args: expected array$/],
    [one({ command: 'x', args: [1] }), /"a": args\.0: expected string$/],
    [one({ command: 'x', env: { A: [] } }), /"a": env\.A: expected union value$/],
    [one({ command: 'x', env: { 'A=B': '1' } }), /"a": env\.A=B: .*/],
    [one({ command: 'x', envFile: '.env' }), /"a": envFile: Weir does not read it/],
    [one({ args: [] }), /"a": it needs a command or a module$/],
    [one({ module: './x.js', args: [] }), /"a": module and args don't go together/],
    [one({ command: 'x', args: ['y', ref('NONE')] }), /"a": args\[1\]: .*NONE is not set$/],
    [one({ command: 'x', env: { A: ref('input:key') } }), /"a": env\.A: .*nobody to ask/],
    [one({ command: 'x' }, 'my server'), /"my server": a name becomes a part of a path/],
    [one({ command: 'x' }, '../up'), /a name becomes a part of a path/],
    [one({ command: 'x' }, 'Health'), /"Health": the name is a path of Weir's own/],
    [one({ command: 'x' }, 'mcp'), /"mcp": the name is a path of Weir's own/]
  ] as const) t.throws(() => readMcpJson(file(t, content), env), { code: 'WEIR_ERR_INVALID_CONFIG', detail: line }, JSON.stringify(content))
  const folder = t.testdir({})
  t.throws(() => readMcpJson(`${folder}/none.json`, env), { code: 'WEIR_ERR_INVALID_CONFIG', detail: /none\.json: there is no such file$/ })
  t.throws(() => readMcpJson(folder, env), { code: 'WEIR_ERR_INVALID_CONFIG', detail: /: it is a folder$/ })
  t.throws(() => readMcpJson(`${folder}/\0`, env), { code: 'WEIR_ERR_INVALID_CONFIG', detail: /null bytes/ })
})

test('no error shows the value of a secret', async t => {
  const name = file(t, { mcpServers: { a: { command: 'x', env: { A: `s3cret${ref('NONE')}` } } } })
  try {
    readMcpJson(name, env)
    t.fail('it is wrong')
  } catch (error) {
    t.notMatch((error as { detail: string }).detail, /s3cret/)
  }
})
