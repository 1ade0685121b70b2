import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { test, type Test } from 'tap'
import { clients, type RealClient } from './clients.js'
import { serveReal } from './real-server.js'

const rootOf = (folder: string) => ({ uri: String(pathToFileURL(folder)), name: path.basename(folder) })

test('server-filesystem behind the command: files of the folder that it is given, and of its client\'s roots', { jobs: 5 }, async t => {
  const cwd = t.testdir({ given: {}, outside: { 'secret.txt': 'secret' }, roots: {} })
  const [given, outside, roots] = ['given', 'outside', 'roots'].map(name => path.join(cwd, name)) as [string, string, string]
  const server = await serveReal(t, 'server-filesystem', { cwd, args: ['given'] })

  await Promise.all(Object.entries(clients).map(([name, connect], index) => t.test(name, { buffered: true }, async t => {
    const client = await connect(t, server.url())
    await checkFiles(t, client, path.join(given, `client ${index}`), path.join(outside, 'secret.txt'))
    await client.leave()
  })))

  await Promise.all(Object.entries(clients).map(([name, connect]) => t.test(`${name}, which has roots`, { buffered: true }, async t => {
    const client = await connect(t, server.url(), { roots: [rootOf(roots)] })
    await allows(client, roots)
    t.match(await client.call('list_directory', { path: given }), { isError: true, content: [{ text: /Access denied/ }] }, 'its roots are all that it has')
    client.roots.splice(0, 1, rootOf(outside))
    await client.client.sendRootsListChanged()
    await allows(client, outside)
    t.equal(await client.text('read_text_file', { path: path.join(outside, 'secret.txt') }), 'secret')
    await client.leave()
  })))
  await server.quiet()
  await server.end()
})

/** Waits until the server has asked for the client's roots. */
async function allows ({ text }: RealClient, folder: string): Promise<void> {
  while (!(await text('list_allowed_directories')).includes(folder));
}

async function checkFiles (t: Test, { client, call, text }: RealClient, folder: string, secret: string): Promise<void> {
  t.equal(client.getServerVersion()?.name, 'secure-filesystem-server')
  t.ok((await client.listTools()).tools.some(({ name }) => name === 'search_files'))
  t.match(await text('create_directory', { path: folder }), /Successfully created/)
  const file = path.join(folder, 'grüezi.txt')
  // Larger than a pipe, and with all that a line must not be cut at.
  const content = `${'Aare, ü\u2028 und mehr\r\n'.repeat(20_000)}end`
  t.match(await text('write_file', { path: file, content }), /Successfully wrote/)
  t.equal(readFileSync(file, 'utf8'), content)
  t.equal(await text('read_text_file', { path: file }), content)
  t.equal(await text('read_text_file', { path: file, tail: 1 }), 'end')
  t.match(await call('edit_file', { path: file, edits: [{ oldText: 'end', newText: 'the end' }] }), { structuredContent: { content: /\+the end/ } })
  t.match(await text('move_file', { source: file, destination: path.join(folder, 'moved.txt') }), /Successfully moved/)
  t.equal(await text('list_directory', { path: folder }), '[FILE] moved.txt')
  t.equal(await text('search_files', { path: folder, pattern: '*.txt' }), path.join(folder, 'moved.txt'))
  t.match(await text('get_file_info', { path: folder }), /isDirectory: true/)

  for (const outside of [secret, path.join(folder, '../../outside/secret.txt')]) {
    t.match(await call('read_text_file', { path: outside }), { isError: true, content: [{ text: /Access denied/ }] })
    t.match(await call('write_file', { path: outside, content: 'mine' }), { isError: true, content: [{ text: /Access denied/ }] })
  }
  t.equal(readFileSync(secret, 'utf8'), 'secret')
}
