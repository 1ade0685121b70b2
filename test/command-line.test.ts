import { test, type Test } from 'tap'
import { parseCommandLine } from '../src/command-line.js'
import { help } from '../src/help.js'

const refused = (t: Test, args: string[], line: RegExp) => t.throws(() => parseCommandLine(args), { code: 'WEIR_ERR_USAGE', detail: line }, args.join(' '))

test('nothing, a module, a command, a file', async t => {
  t.same(parseCommandLine([]), { action: 'serve', overrides: {}, requested: { kind: 'bundled' } })
  t.same(parseCommandLine(['./server.js', '--port', '9000']), { action: 'serve', overrides: { HTTP_PORT: '9000' }, requested: { kind: 'module', file: './server.js' } })
  t.same(parseCommandLine(['--config', 'mcp.json', '--print-config']), { action: 'print-config', overrides: {}, requested: { kind: 'config', file: 'mcp.json' } })
  t.same(parseCommandLine(['--host', '::1', '--log-level', 'debug', '--env', 'A=1=2', '--env', 'B=', '--pass-env', 'C', '--', 'npx', '-y', 'x', '--', '--port', '1']), {
    action: 'serve',
    overrides: { HTTP_HOST: '::1', LOG_LEVEL: 'debug' },
    requested: { kind: 'command', command: 'npx', args: ['-y', 'x', '--', '--port', '1'], set: { A: '1=2', B: '' }, pass: ['C'] }
  })
})

test('help and version, by their short names too; what comes after -- is not ours', async t => {
  for (const flag of ['-h', '--help']) t.same(parseCommandLine([flag, 'x.js']), { action: 'help' })
  for (const flag of ['-v', '--version']) t.same(parseCommandLine([flag]), { action: 'version' })
  t.match(parseCommandLine(['--', 'x', '--help']), { requested: { kind: 'command', args: ['--help'] } })
})

test('every misuse is one line that says what is wrong', async t => {
  refused(t, ['--prot', '1'], /^--prot: there is no such flag \(see mcp-weir --help\)$/)
  refused(t, ['-x'], /^-x: there is no such flag/)
  refused(t, ['--port'], /--port.* argument missing/)
  refused(t, ['--port', '--host', 'a'], /--port.*ambiguous\. \(see/)
  refused(t, ['--port='], /^--port: it needs a value/)
  refused(t, ['--help=yes'], /--help.*does not take an argument/)
  refused(t, ['--port', '1', '--port', '2'], /^--port: it is given twice/)
  refused(t, ['npx', 'server'], /^server: one word too many.*after --/)
  refused(t, ['a.js', '--', 'npx'], /^a\.js: a module and a command/)
  refused(t, ['--config', 'c', 'a.js'], /^--config: the module a\.js can't/)
  refused(t, ['--config', 'c', '--', 'npx'], /^--config: a command after --/)
  refused(t, ['--config', ''], /^--config: it needs the name of a file/)
  refused(t, [''], /^module: it needs the name of a file/)
  refused(t, ['--'], /^--: a command has to come after it/)
  refused(t, ['--', ''], /^--: a command has to come after it/)
  refused(t, ['--env', 'A=1'], /^--env: it is for a command after --; what is served in this process/)
  refused(t, ['--pass-env', 'A', 'a.js'], /^--pass-env: it is for a command after --;/)
  refused(t, ['--env', 'A=1', '--config', 'c'], /^--env: .*in the file, as env/)
  refused(t, ['--env', 'A', '--', 'x'], /^--env A: it must be NAME=VALUE; --pass-env/)
  refused(t, ['--env', '2=3', '--', 'x'], /^--env 2=: it must be NAME=VALUE, with a name/)
  refused(t, ['--pass-env', 'A=1', '--', 'x'], /^--pass-env A=…: it takes a name alone/)
  refused(t, ['--pass-env', 'a-b', '--', 'x'], /^--pass-env \*\*\*: it must be the name/)
  refused(t, ['--env', 'A=1', '--pass-env', 'A', '--', 'x'], /^--env A: it is passed on/)
})

test('no misuse shows a secret', async t => {
  for (const args of [['--env', 's3cret!', '--', 'x'], ['--pass-env', 'TOKEN=s3cret!', '--', 'x'], ['--pass-env', 's3cret!', '--', 'x'], ['x', 'https://me:s3cret!@host']]) {
    try {
      parseCommandLine(args)
      t.fail(args.join(' '))
    } catch (error) {
      t.notMatch((error as { detail: string }).detail, /s3cret/)
    }
  }
})

test('the help names every flag, and fits a terminal', async t => {
  for (const flag of ['--config', '--env', '--pass-env', '--host', '--port', '--log-level', '--print-config', '--help', '--version']) t.match(help, flag)
  for (const line of help.split('\n')) t.ok(line.length <= 110, line)
})
