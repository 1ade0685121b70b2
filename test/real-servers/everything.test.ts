import { test, type Test } from 'tap'
import { until } from '../helper.js'
import { clients, type RealClient } from './clients.js'
import { serveReal } from './real-server.js'

const DOCUMENT = 'demo://resource/static/document/features.md'
const AARE = { uri: 'file:///aare', name: 'Aare' }

test('server-everything behind the command: everything that MCP has', { jobs: 5 }, async t => {
  const server = await serveReal(t, 'server-everything', { cwd: t.testdir({}), flags: ['--env', 'RIVER=Aare'] })

  await Promise.all(Object.entries(clients).map(([name, connect]) => t.test(name, { buffered: true }, async t => {
    const client = await connect(t, server.url(), { roots: [AARE] })
    await checkTools(t, client)
    await checkResources(t, client)
    await checkPrompts(t, client)
    await checkProgress(t, client)
    await checkQuestions(t, client)
    await checkLogging(t, client)
    await checkSubscriptions(t, client)
    await checkCancellation(t, client)
    await client.leave()
  })))
  await server.quiet()

  // One that leaves nothing in flight, and is there when the process is told to end.
  const last = await clients['SDK v1 over /mcp']?.(t, server.url())
  if (last !== undefined) await checkCancellation(t, last)
  await server.end()
})

async function checkTools (t: Test, { client, call, text, hears }: RealClient): Promise<void> {
  t.match(client.getServerVersion(), { name: 'mcp-servers/everything' })
  t.match(client.getInstructions(), /Everything/)
  await hears('notifications/tools/list_changed')
  const { tools } = await client.listTools()
  t.ok(tools.some(({ name }) => name === 'trigger-sampling-request'), 'it knows what its client can do')
  t.match(tools.find(({ name }) => name === 'get-structured-content'), { outputSchema: { properties: { humidity: {} } } })

  t.equal(await text('echo', { message: 'grüezi\n{"jsonrpc":"2.0"}' }), 'Echo: grüezi\n{"jsonrpc":"2.0"}')
  t.equal(await text('echo', { message: 'ü'.repeat(300_000) }), `Echo: ${'ü'.repeat(300_000)}`, 'a message that no pipe takes at once')
  t.match(await text('get-sum', { a: 40, b: 2 }), /42/)
  t.match(await call('get-structured-content', { location: 'Chicago' }), { structuredContent: { temperature: 36 } })
  t.match(await call('get-tiny-image'), { content: [{}, { type: 'image', mimeType: 'image/png' }] })
  t.match(await call('get-resource-links', { count: 2 }), { content: [{}, { type: 'resource_link' }, { type: 'resource_link' }] })
  const environment = JSON.parse(await text('get-env')) as Record<string, string>
  t.equal(environment['RIVER'], 'Aare')
  t.same(Object.keys(environment).filter(name => /RATE_LIMIT|HTTP_PORT/.test(name)), [], 'Weir\'s settings are Weir\'s own')

  t.match(await call('get-sum', { a: 'forty' }), { isError: true, content: [{ text: /Invalid arguments for tool get-sum/ }] })
  t.match(await call('no-such-tool'), { isError: true, content: [{ text: /no-such-tool not found/ }] })
}

async function checkResources (t: Test, { client, call, hears }: RealClient): Promise<void> {
  const { resources } = await client.listResources()
  t.ok(resources.some(({ uri }) => uri === DOCUMENT))
  t.match(await client.readResource({ uri: DOCUMENT }), { contents: [{ mimeType: 'text/markdown', text: /Everything Server/ }] })
  t.same((await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate), ['text', 'blob'].map(kind => `demo://resource/dynamic/${kind}/{resourceId}`))
  t.match(await client.readResource({ uri: 'demo://resource/dynamic/text/7' }), { contents: [{ text: /^Resource 7:/ }] })
  t.match(await client.readResource({ uri: 'demo://resource/dynamic/blob/7' }), { contents: [{ blob: /^[\w+/=]+$/ }] })
  await t.rejects(client.readResource({ uri: 'demo://nothing' }), { code: -32602, message: /demo:\/\/nothing/ })
  t.same((await client.complete({ ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' }, argument: { name: 'resourceId', value: '7' } })).completion.values, ['7'])

  // Its `name` is part of the uri.
  const uri = 'demo://resource/session/aare.gz'
  t.match(await call('gzip-file-as-resource', { name: 'aare.gz', data: 'data:text/plain,Aare' }), { content: [{ type: 'resource_link', uri }] })
  await hears('notifications/resources/list_changed')
  t.ok((await client.listResources()).resources.some(resource => resource.uri === uri))
  t.match(await client.readResource({ uri }), { contents: [{ mimeType: 'application/gzip', blob: /^H4sI/ }] })
}

async function checkPrompts (t: Test, { client }: RealClient): Promise<void> {
  t.same((await client.listPrompts()).prompts.map(({ name }) => name), ['simple-prompt', 'args-prompt', 'completable-prompt', 'resource-prompt'])
  t.match(await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Bern', state: 'BE' } }), { messages: [{ role: 'user', content: { text: 'What\'s weather in Bern, BE?' } }] })
  t.match(await client.getPrompt({ name: 'resource-prompt', arguments: { resourceType: 'Text', resourceId: '3' } }), { messages: [{}, { content: { type: 'resource', resource: { text: /^Resource 3:/ } } }] })
  await t.rejects(client.getPrompt({ name: 'args-prompt', arguments: {} }), { code: -32602 })
  const ref = { type: 'ref/prompt' as const, name: 'completable-prompt' }
  t.same((await client.complete({ ref, argument: { name: 'department', value: 'S' } })).completion.values, ['Sales', 'Support'])
  t.same((await client.complete({ ref, argument: { name: 'name', value: '' }, context: { arguments: { department: 'Sales' } } })).completion.values, ['David', 'Eve', 'Frank'])
}

async function checkProgress (t: Test, { text, heard }: RealClient): Promise<void> {
  const steps = [3, 4, 5]
  await Promise.all(steps.map(async steps => {
    const totals = new Set<unknown>([steps])
    t.match(await text('trigger-long-running-operation', { duration: 0.3, steps }, { onprogress: ({ total }) => { totals.add(total) } }), /completed/)
    t.same([...totals], [steps], 'a call hears of its own progress alone')
  }))
  const told = steps.map(steps => heard.filter(({ method, params }) => method === 'notifications/progress' && params?.['total'] === steps).map(({ params }) => params?.['progress']))
  t.same(told, [[1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5]], 'and of all of it')
}

async function checkQuestions (t: Test, { client, text, roots, hears }: RealClient): Promise<void> {
  t.match(await text('trigger-sampling-request', { prompt: 'Which river?' }), /The Aare/)
  t.match(await text('trigger-elicitation-request'), /Name: Aare\n- Agreed to terms: true[^]*Favorite Integer: 7/)
  const asked = await Promise.all([text('trigger-sampling-request', { prompt: 'Which river?' }), text('trigger-elicitation-request'), text('trigger-sampling-request', { prompt: 'Which?' })])
  t.match(asked, [/The Aare/, /Name: Aare/, /The Aare/], 'each of three at once is given its own answer')

  t.match(await text('get-roots-list'), /1\. Aare\n {3}URI: file:\/\/\/aare/)
  roots.push({ uri: 'file:///rhine', name: 'Rhine' })
  await client.sendRootsListChanged()
  await hears('notifications/message', 'Roots updated: 2 root(s)')
  t.match(await text('get-roots-list'), /2\. Rhine/)
}

async function checkLogging (t: Test, { client, text, heard, hears }: RealClient): Promise<void> {
  await client.setLoggingLevel('error')
  await client.subscribeResource({ uri: 'demo://quiet' })
  await client.setLoggingLevel('debug')
  await client.subscribeResource({ uri: 'demo://loud' })
  await hears('notifications/message', 'demo://loud')
  t.notMatch(JSON.stringify(heard), /demo:\/\/quiet/, 'what is below the level is not told')
  for (const uri of ['demo://quiet', 'demo://loud']) await client.unsubscribeResource({ uri })
  t.match(await text('toggle-simulated-logging'), /Started/)
  await hears('notifications/message', 'level')
  t.match(await text('toggle-simulated-logging'), /Stopped/)
}

async function checkSubscriptions (t: Test, { client, text, heard, hears }: RealClient): Promise<void> {
  await client.subscribeResource({ uri: DOCUMENT })
  t.match(await text('toggle-subscriber-updates'), /Started/)
  await hears('notifications/resources/updated', DOCUMENT)
  t.match(await text('toggle-subscriber-updates'), /Stopped/)
  await client.unsubscribeResource({ uri: DOCUMENT })
  t.same([...new Set(heard.filter(({ method }) => method === 'notifications/resources/updated').map(({ params }) => params?.['uri']))], [DOCUMENT])
}

async function checkCancellation (t: Test, { call, text }: RealClient): Promise<void> {
  const cancelling = new AbortController()
  let steps = 0
  const cancelled = t.rejects(call('trigger-long-running-operation', { duration: 600, steps: 6_000 }, { signal: cancelling.signal, onprogress: () => { steps++ } }), 'it is cancelled')
  await until(() => steps > 0)
  cancelling.abort('enough')
  await cancelled
  t.equal(await text('echo', { message: 'still here' }), 'Echo: still here')
}
