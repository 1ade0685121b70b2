import { test } from 'tap'
import { run, serve } from './process.js'

test('--help and --version answer on stdout and start nothing', async t => {
  const help = run(t, { args: ['--help'] })
  t.equal(await help.exited, 0)
  t.match(help.stdout(), /^Usage: mcp-weir \[options\][^]*--port PORT/)
  const version = run(t, { args: ['--version'] })
  t.equal(await version.exited, 0)
  t.match(version.stdout(), /^\d+\.\d+\.\d+\n$/)
})

test('flags go before the environment, and the environment before .env', async t => {
  const cwd = t.testdir({ '.env': 'HTTP_PORT=1\nLOG_LEVEL=silent\nRATE_LIMIT_PER_MINUTE=7\n' })
  const server = await serve(t, { args: ['--port', '0', '--host', 'localhost', '--log-level', 'debug'], env: { HTTP_PORT: '2', LOG_LEVEL: 'error' }, cwd })
  t.match(server.lines().find(({ msg }) => msg === 'configuration'), { rateLimitPerMinute: 7 })
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 0)
})

for (const [what, options, line] of [
  ['a wrong value', { env: { HTTP_PORT: '99999' } }, /^mcp-weir: HTTP_PORT=99999: must be <= 65535\n$/],
  ['a wrong flag', { args: ['--prot', '1'] }, /^mcp-weir: .*--prot.*\n$/],
  ['a word too many', { args: ['server.js'] }, /^mcp-weir: .*server\.js.*\n$/],
  ['a public host without keys', { args: ['--host', '0.0.0.0'] }, /^mcp-weir: HTTP_HOST=0\.0\.0\.0: .*API_KEYS.*openssl rand -hex 32.*\n$/]
] as const) {
  test(`${what} is one line on stderr and exit code 1`, async t => {
    const failed = run(t, options as Parameters<typeof run>[1])
    t.equal(await failed.exited, 1)
    t.match(failed.stderr(), line)
    t.equal(failed.stdout(), '')
  })
}
