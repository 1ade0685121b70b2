import { test } from 'tap'
import { describeCommand, maskArguments, maskText } from '../src/mask.js'

test('a secret after its flag, in a variable, a header, a URL, or known by its look is masked', async t => {
  for (const [args, masked] of [
    [['--api-key', 'abc'], ['--api-key', '***']],
    [['--api-key=abc', '-v'], ['--api-key=***', '-v']],
    [['--token', '--verbose'], ['--token', '--verbose']],
    [['--github-token', 'abc', 'file'], ['--github-token', '***', 'file']],
    [['--key', 'abc'], ['--key', '***']],
    [['--password=a b'], ['--password=*** b']],
    [['-e', 'DB_PASSWORD=abc'], ['-e', 'DB_PASSWORD=***']],
    [['--header', 'Authorization: Bearer abc'], ['--header', 'Authorization: ***']],
    [['-H', 'X-Api-Key: abc'], ['-H', 'X-Api-Key: ***']],
    [['https://me:abc@example.com/x'], ['https://***@example.com/x']],
    [['https://example.com/x?a=1&access_token=abc&b=2'], ['https://example.com/x?a=1&access_token=***&b=2']],
    [['{"token": "abc", "a": 1}'], ['{"token": ***, "a": 1}']],
    [['-c', 'API_KEY=abc server --auth-token xyz --port 1'], ['-c', 'API_KEY=*** server --auth-token *** --port 1']],
    [['sk-proj-abcdefgh1234'], ['***']],
    [['ghp_abcdefghijklmnop1234'], ['***']],
    [['eyJhbGciOiJI.eyJzdWIi.c2ln'], ['***']],
    [['0123456789abcdef0123456789abcdef'], ['***']]
  ] as const) t.same(maskArguments(args), masked, args.join(' '))
})

test('what is no secret stays readable', async t => {
  const args = ['-y', '@modelcontextprotocol/server-filesystem@2026.8.31', '/srv/files/with-a-very-long-name-of-its-own-12345', '--port', '8000', '--keyboard', 'qwerty',
    '--monkey=1', 'https://example.com/a?b=c', 'a-long-name-without-any-digits-in-it', 'tokenizer', '--author', 'me', 'MODE=fast']
  t.same(maskArguments(args), args)
})

test('a free text loses its credentials', async t => {
  t.equal(maskText('connect ECONNREFUSED postgres://u:p@db:5432/x'), 'connect ECONNREFUSED postgres://***@db:5432/x')
  t.equal(maskText('sent Bearer abcdefgh12 there'), 'sent Bearer *** there')
})

test('a command is one line, its odd words quoted', async t => {
  t.equal(describeCommand({ command: 'sh', args: ['-c', 'echo "a b"', '--token', 'x', ''] }), 'sh -c "echo \\"a b\\"" --token *** ""')
})
