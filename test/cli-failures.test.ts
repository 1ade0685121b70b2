// What can't be served, each in a real process of the command's.
import { test } from 'tap'
import { until } from './helper.js'
import { lives, pids, silent, started } from './pids.js'
import { run } from './process.js'

for (const [what, args, line, env = {}] of [
  ['a missing module', ['./none.mjs'], /^mcp-weir: \.\/none\.mjs: there is no such file\n$/],
  ['a module without a default export', ['./none.cjs'], /^mcp-weir: \.\/none\.cjs: it has no default export; .*\n$/],
  ['a throw at import, though a timer holds the process', ['./throws.mjs'], /^mcp-weir: \.\/throws\.mjs: it failed to load at throws\.mjs:\d+:\d+: no database\n$/],
  ['a createServer that throws', ['./broken.mjs'], /^mcp-weir: \.\/broken\.mjs: no database\n$/],
  ['a command that is not there', ['--', 'no-such-command-of-mine', '--token', 's3cret'], /^mcp-weir: no-such-command-of-mine --token \*\*\*: .*command not found.*\n$/],
  ['a command that exits at once', ['--', 'node', 'exits.mjs'], /^mcp-weir: node exits\.mjs: .*exited with code 3\n$/],
  ['a missing file', ['--config', 'none.json'], /^mcp-weir: none\.json: there is no such file\n$/],
  ['a file with a server that fails', ['--config', 'fails.json'], /^mcp-weir: fails\.json: "two": node exits\.mjs: .*exited with code 3\n$/],
  ['more commands than there may be processes', ['--config', 'fails.json'], /^mcp-weir: MAX_CHILD_PROCESSES=1: fails\.json has 2 commands, and each needs one\n$/, { MAX_CHILD_PROCESSES: '1' }],
  ['a variable to pass on that is not set', ['--pass-env', 'NO_SUCH_VARIABLE', '--', 'node'], /^mcp-weir: --pass-env NO_SUCH_VARIABLE: it is not set.*\n$/]
] as [string, string[], RegExp, Record<string, string>?][]) {
  test(`${what} is one line on stderr, exit code 1, and leaves no child`, async t => {
    const cwd = t.testdir({
      'none.cjs': '',
      'throws.mjs': 'setInterval(() => {}, 1_000)\nthrow new Error("no database")',
      'broken.mjs': 'setInterval(() => {}, 1_000)\nexport default () => { throw new Error("no database") }',
      'exits.mjs': 'process.exit(3)',
      'silent.mjs': silent,
      'fails.json': JSON.stringify({ mcpServers: { one: { command: 'node', args: ['silent.mjs'] }, two: { command: 'node', args: ['exits.mjs'] } } })
    })
    const command = run(t, { args, env: { LOG_LEVEL: 'silent', HTTP_PORT: '0', ...env }, cwd })
    t.equal(await command.exited, 1)
    t.match(command.stderr(), line)
    t.equal(command.stdout(), '')
    if (started(cwd)) await until(() => !pids(cwd).some(lives))
  })
}
