import path from 'node:path'
import { test } from 'tap'
import { clients } from './clients.js'
import { serveReal } from './real-server.js'

const GRAPH = 'memory://knowledge-graph'

test('server-memory behind the command: what one session writes, the others read', async t => {
  const cwd = t.testdir({})
  const server = await serveReal(t, 'server-memory', { cwd, flags: ['--env', `MEMORY_FILE_PATH=${path.join(cwd, 'memory.jsonl')}`] })

  const reader = await clients['SDK v1 over /mcp']?.(t, server.url())
  const known: string[] = []
  for (const [name, connect] of Object.entries(clients)) {
    await t.test(name, async t => {
      const { client, call, text, hears, heard, leave } = await connect(t, server.url())
      t.equal(client.getServerVersion()?.name, 'memory-server')
      t.equal((await client.listTools()).tools.length, 9)

      await client.subscribeResource({ uri: GRAPH })
      const entity = { name, entityType: 'client', observations: ['grüezi', 'läuft\nüber zwei Zeilen'] }
      t.match(await call('create_entities', { entities: [entity] }), { structuredContent: { entities: [entity] } })
      await hears('notifications/resources/updated', GRAPH)
      t.match(await call('create_relations', { relations: [{ from: name, to: 'Aare', relationType: 'swims in' }] }), { structuredContent: { relations: [{ to: 'Aare' }] } })
      known.push(name)
      t.match(await call('add_observations', { observations: [{ entityName: 'nobody', contents: ['x'] }] }), { isError: true, content: [{ text: /nobody not found/ }] })

      t.match(await reader?.call('open_nodes', { names: [name] }), { structuredContent: { entities: [entity], relations: [{ from: name }] } }, 'another session reads it')
      t.match(await text('search_nodes', { query: 'SWIMS' }), /"entities": \[\]/)
      t.match(await text('search_nodes', { query: 'GRÜEZI' }), new RegExp(name))
      const { contents: [graph] } = await client.readResource({ uri: GRAPH })
      const { entities } = JSON.parse(graph !== undefined && 'text' in graph ? graph.text : '') as { entities: { name: string }[] }
      t.same(entities.map(({ name }) => name), known)
      await t.rejects(client.readResource({ uri: 'memory://nothing' }), { code: -32602 })

      await client.unsubscribeResource({ uri: GRAPH })
      const { length } = heard
      await call('delete_entities', { entityNames: ['nobody'] })
      t.equal(heard.length, length, 'nothing is told any more')
      await leave()
    })
  }

  t.match(await reader?.call('read_graph'), { structuredContent: { entities: known.map(name => ({ name })) } })
  await reader?.leave()
  await server.quiet()
  await server.end()
})
