import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ListRootsResultSchema, LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema
} from '@modelcontextprotocol/sdk/types.js'
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { test, type Test } from 'tap'
import weir, { type WeirOptions } from '../src/index.js'
import { createTestClient } from '../src/testing.js'
import { createConformanceServer } from './conformance/fixture-server.js'
import { capturedLog, fixtureServer, until } from './helper.js'

/** A host application that listens nowhere; closed when the test ends, and nothing may be left by then. */
async function host (t: Test, options: WeirOptions = {}, fastify: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify(fastify)
  await app.register(weir, { createServer: createConformanceServer, drainTimeoutSeconds: 1, ...options })
  t.teardown(() => app.close())
  return app
}

/** What must be so at once when a client has closed. */
function nothingLeft (t: Test, { mcp, server }: FastifyInstance): void {
  t.match(mcp.metrics.snapshot(), { active_sessions: 0, active_connections: 0 }, 'no session and no open stream')
  t.notOk(server.listening, 'no port')
}

/** The text of a tool's answer. */
function textOf (answer: Awaited<ReturnType<Awaited<ReturnType<typeof createTestClient>>['callTool']>>): string {
  const [first] = answer['content'] as { text: string }[]
  return first?.text ?? ''
}

test('it lists and calls tools, before anybody called ready()', async t => {
  const app = await host(t)
  const client = await createTestClient(app)
  t.match(client.getServerVersion(), { name: 'conformance-fixture' })
  const { tools } = await client.listTools()
  t.ok(tools.some(({ name }) => name === 'test_simple_text'))
  t.equal(textOf(await client.callTool({ name: 'test_simple_text' })), 'This is a simple text response for testing.')
  t.match(await client.callTool({ name: 'test_error_handling' }), { isError: true })
  t.same(await client.ping(), {})
  t.equal(app.mcp.metrics.snapshot().active_connections, 1, 'its standing stream')
  t.match(app.mcp.sessions.list(), [{ owner: 'anonymous', transport: 'streamable', clientInfo: { name: 'mcp-weir-test-client' } }])
  await client.close()
  nothingLeft(t, app)
})

test('prompts, resources, completion and what is not there', async t => {
  const app = await host(t)
  const client = await createTestClient(app)
  t.ok((await client.listPrompts()).prompts.length > 0)
  t.match(await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } }), { messages: [{ content: { text: "Prompt with arguments: arg1='a', arg2='b'" } }] })
  t.ok((await client.listResources()).resources.length > 0)
  t.ok((await client.listResourceTemplates()).resourceTemplates.length > 0)
  t.match(await client.readResource({ uri: 'test://static-text' }), { contents: [{ text: 'This is the content of the static text resource.' }] })
  await t.rejects(client.readResource({ uri: 'test://nowhere' }), { code: -32602 })
  await client.close()
})

test('what the server says by itself comes on the standing stream: a resource that changed, a list that changed', async t => {
  const app = await host(t)
  const heard: unknown[] = []
  const client = await createTestClient(app, {
    configure: client => {
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => { heard.push(params.uri) })
      client.setNotificationHandler(ToolListChangedNotificationSchema, ({ method }) => { heard.push(method) })
    }
  })
  await client.subscribeResource({ uri: 'test://watched-resource' })
  t.equal(app.mcp.broadcast({ method: 'notifications/resources/updated', params: { uri: 'test://watched-resource' } }), 1)
  app.mcp.broadcast({ method: 'notifications/tools/list_changed' })
  await until(() => heard.length === 2)
  t.same(heard, ['test://watched-resource', 'notifications/tools/list_changed'])
  await client.unsubscribeResource({ uri: 'test://watched-resource' })
  await client.close()
})

test('progress and logging come while a call runs', async t => {
  const app = await host(t)
  const client = await createTestClient(app)
  const logs: unknown[] = []
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => { logs.push(params.data) })
  const progress: number[] = []
  await client.callTool({ name: 'test_tool_with_progress' }, undefined, { onprogress: ({ progress: step }) => { progress.push(step) } })
  t.same(progress, [0, 50, 100])
  await client.setLoggingLevel('info')
  await client.callTool({ name: 'test_tool_with_logging' })
  t.same(logs, ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
  await client.close()
  nothingLeft(t, app)
})

test('the server asks: sampling, elicitation, roots', async t => {
  const app = await host(t, {
    createServer: () => {
      const server = createConformanceServer()
      server.registerTool('roots', {}, async ({ sendRequest }) => {
        const { roots } = await sendRequest({ method: 'roots/list' }, ListRootsResultSchema)
        return { content: [{ type: 'text', text: roots.map(({ uri }) => uri).join() }] }
      })
      // Not a part of a call: this question takes the standing stream.
      server.registerTool('roots_aside', {}, async () => {
        const { roots } = await server.server.listRoots()
        return { content: [{ type: 'text', text: roots.map(({ uri }) => uri).join() }] }
      })
      return server
    }
  })
  const client = await createTestClient(app, {
    clientInfo: { name: 'asked', version: '7' },
    capabilities: { sampling: {}, elicitation: {}, roots: {} },
    configure: client => {
      client.setRequestHandler(CreateMessageRequestSchema, () => ({ model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'The Aare' } }))
      client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept' as const, content: { username: 'ada', email: 'ada@example.com' } }))
      client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///aare' }] }))
    }
  })
  t.match(app.mcp.sessions.list(), [{ clientInfo: { name: 'asked', version: '7' } }])
  t.equal(textOf(await client.callTool({ name: 'test_sampling', arguments: { prompt: 'Which river?' } })), 'LLM response: The Aare')
  t.match(textOf(await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } })), /action=accept, content=.*ada@example.com/)
  t.equal(textOf(await client.callTool({ name: 'roots' })), 'file:///aare')
  t.equal(textOf(await client.callTool({ name: 'roots_aside' })), 'file:///aare')
  await client.close()
  nothingLeft(t, app)
})

test('a call that is cancelled, or that takes too long, is aborted in the server', async t => {
  const signals: AbortSignal[] = []
  const app = await host(t, { createServer: () => fixtureServer({ wait: signal => { signals.push(signal); return new Promise(() => {}) } }) })
  const client = await createTestClient(app)
  const controller = new AbortController()
  const cancelled = client.callTool({ name: 'wait' }, undefined, { signal: controller.signal })
  await until(() => signals.length === 1)
  controller.abort('enough')
  await t.rejects(cancelled, /enough/)
  await t.rejects(client.callTool({ name: 'wait' }, undefined, { timeout: 5 }), { code: -32001 })
  await until(() => signals.length === 2 && signals.every(({ aborted }) => aborted))
  t.equal(textOf(await client.callTool({ name: 'echo', arguments: { text: 'still here' } })), 'still here')
  t.equal(app.mcp.sessions.list()[0]?.requestsInFlight, 0)
  await client.close()
  nothingLeft(t, app)
})

test('close leaves nothing, whatever was in flight: no session, no stream, and the application closes at once', async t => {
  const signals: AbortSignal[] = []
  const app = await host(t, { drainTimeoutSeconds: 600, createServer: () => fixtureServer({ wait: signal => { signals.push(signal); return new Promise(() => {}) } }) })
  const client = await createTestClient(app)
  const calls = Array.from({ length: 20 }, () => client.callTool({ name: 'wait' }).catch((error: unknown) => error))
  await until(() => signals.length === 20)
  // After a second without an answer it is an event stream.
  await until(() => app.mcp.metrics.snapshot().active_connections === 21)
  calls.push(client.callTool({ name: 'wait' }).catch((error: unknown) => error))
  await until(() => signals.length === 21)
  await client.close()
  nothingLeft(t, app)
  for (const error of await Promise.all(calls)) t.match(error, { message: /Connection closed/ })
  t.ok(signals.every(({ aborted }) => aborted))
  await client.close()
  await app.close()
})

test('the server sees its client go away, on its streams and in a call that is not answered yet', async t => {
  let finish = (_text: string) => {}
  let called = false
  const { log, lines } = capturedLog()
  const app = await host(t, {
    // The goodbye is not heard: all that ends its connections is that they break off.
    authenticate: ({ method }) => method === 'DELETE' ? null : { id: 'ada' },
    createServer: () => fixtureServer({ wait: () => { called = true; return new Promise(resolve => { finish = resolve }) } })
  }, { loggerInstance: log })
  const client = await createTestClient(app)
  const call = client.callTool({ name: 'wait' }).catch((error: unknown) => error)
  await until(() => called)
  await client.close()
  t.match(await call, { message: /Connection closed/ })
  t.match(app.mcp.metrics.snapshot(), { active_connections: 0, total_connections: 1, active_sessions: 1 })
  finish('too late')
  await until(() => lines.some(({ msg, why }) => msg === 'message dropped' && why === 'its client went away'))
})

test('a stream that its server ends is opened again', async t => {
  const app = await host(t)
  const client = await createTestClient(app)
  t.match(await client.callTool({ name: 'test_reconnection' }), { content: [{ type: 'text' }] })
  await client.close()
  nothingLeft(t, app)
})

test('a client that is closed after its session, or after its application, is no error', async t => {
  const app = await host(t)
  const client = await createTestClient(app)
  t.equal(await app.mcp.sessions.closeByOwner('anonymous'), 1)
  await client.close()
  const other = await createTestClient(app)
  await app.close()
  await t.rejects(other.listTools(), { code: 'FST_ERR_REOPENED_CLOSE_SERVER' })
  await other.close()
})

test('prefix, headers and Host reach the endpoint', async t => {
  const app = await host(t, {
    prefix: '/ai',
    apiKeys: ['key'],
    allowedHosts: ['mcp.example.com'],
    contextHeaders: ['x-tenant'],
    createServer: ({ headers, principal }) => {
      const server = new McpServer({ name: String(headers['x-tenant']), version: '1' })
      server.registerTool('whoami', {}, ({ authInfo, requestInfo }) => {
        const said = [authInfo?.clientId === principal.id, Number(requestInfo?.headers['content-length']) > 0, requestInfo?.headers['x-tenant']]
        return { content: [{ type: 'text', text: said.join() }] }
      })
      return server
    }
  })
  const headers = { host: 'mcp.example.com', 'x-api-key': 'key', 'x-tenant': 'bern' }
  const client = await createTestClient(app, { prefix: '/ai', headers })
  t.equal(client.getServerVersion()?.name, 'bern')
  t.equal(textOf(await client.callTool({ name: 'whoami' })), 'true,true,bern')
  await client.close()
  nothingLeft(t, app)

  await t.rejects(createTestClient(app, { headers }), { message: /^createTestClient: POST \/mcp: 404 .*not found.*give the `prefix`/, cause: { code: 404 } })
  await t.rejects(createTestClient(app, { prefix: '/ai', headers: { host: 'mcp.example.com' } }), { message: /^createTestClient: POST \/ai\/mcp: 401 .*Invalid or missing API key.*; give credentials in `headers`$/, cause: { code: 401 } })
  await t.rejects(createTestClient(app, { prefix: '/ai', headers: { 'x-api-key': 'key' } }), { message: /: 403 .*Host not allowed[^;]*$/, cause: { code: 403 } })
  nothingLeft(t, app)
})

test('localhost is the host that it comes to', async t => {
  const app = await host(t, { allowedHosts: ['localhost'] })
  const client = await createTestClient(app)
  await client.close()
})

test('a principal of the host\'s own, a server of SDK v2, and two clients at once', async t => {
  const app = await host(t, {
    // It takes its time with streams: a client is there when its own is.
    authenticate: async ({ headers, method }) => {
      if (method === 'GET') await new Promise(resolve => setTimeout(resolve, 50))
      return typeof headers['x-user'] === 'string' ? { id: headers['x-user'] } : null
    },
    createServer: ({ principal }) => new McpServerV2({ name: principal.id, version: '2' })
  })
  const [ada, ben] = await Promise.all(['ada', 'ben'].map(user => createTestClient(app, { headers: { 'x-user': user } })))
  t.equal(ada?.getServerVersion()?.name, 'ada')
  t.equal(ben?.getServerVersion()?.name, 'ben')
  t.equal(app.mcp.metrics.snapshot().active_connections, 2)
  t.same(app.mcp.sessions.list().map(({ owner }) => owner).sort(), ['ada', 'ben'])
  await ada?.close()
  t.equal(app.mcp.sessions.size, 1)
  await ben?.close()
  nothingLeft(t, app)
})

test('an application that answers something else, or that does not start, is told of', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.post('/mcp', async (_request, reply) => reply.header('set-cookie', ['a=1', 'b=2']).type('text/html').send('<p>Hello</p>'))
  await t.rejects(createTestClient(app), { message: /^createTestClient: POST \/mcp: Unexpected content type: text\/html; give the `prefix`/ })
  const broken = Fastify()
  broken.register(async () => { throw new Error('no database') })
  await t.rejects(createTestClient(broken), { message: 'no database' })
})

test('a client that is not let in on its second request leaves as well as it can', async t => {
  const app = await host(t, { rateLimitPerMinute: 1 })
  const errors: Error[] = []
  await t.rejects(createTestClient(app, { configure: client => { client.onerror = error => { errors.push(error) } } }), { message: /: 429 /, cause: { code: 429 } })
  t.ok(errors.some(({ message }) => message.includes('Failed to terminate session')), 'what failed is told to onerror')
})

test('options of the SDK\'s client are kept', async t => {
  const app = await host(t, { createServer: () => new McpServer({ name: 'bare', version: '1' }) })
  const client = await createTestClient(app, { enforceStrictCapabilities: true })
  await t.rejects(client.listPrompts(), /does not support prompts/)
  await client.close()
})
