import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { HttpConnection } from './http-connection.js'
import { API_KEY } from './raw-client.js'
import { ServerProcess } from './server-process.js'
import { ECHO_SERVER, IN_FLIGHT } from './stdio/command.js'
import { Gateway } from './stdio/gateway.js'
import { PROTOCOL_VERSION, StreamableClient } from './streamable-client.js'
import { median, spread, type Row } from './table.js'

const WARM_UP_ROUNDS = 3
const ROUNDS = 9
const RUN_MS = 1_000

/** Ids of one connection's calls: those of the others are far away. */
const IDS = 100_000_000

const SESSIONS = 100
/** Sessions that are opened at the same time. */
const OPENING = 8

/** Of what the SDK's client reaches without a gateway. */
const SHARE_GOAL = 0.5
const GATEWAY_GOAL = 5
const OPEN_GOAL_SECONDS = 15

let calls = 0

/** Clients without Weir, whose children end with them. */
const opened: Client[] = []

/** `tools/call` of a stdio server, one session and 16 calls in flight: over Weir, over other gateways, and without any. */
export async function stdio (): Promise<Row[]> {
  await using client = await ServerProcess.start('stdio-client')
  await using weir = await ServerProcess.start('weir-stdio')
  await using supergateway = await Gateway.start('supergateway')
  await using proxy = await Gateway.start('mcp-proxy')
  const contestants = [
    { run: () => client.run(), rounds: [] as number[] },
    ...await Promise.all([weir, supergateway, proxy].map(async ({ port }) => {
      const clients = await clientsOf(port)
      return { run: () => callFor(clients), rounds: [] as number[] }
    }))
  ]
  for (let round = 0; round < WARM_UP_ROUNDS; round++) for (const { run } of contestants) await run()
  for (let round = 0; round < ROUNDS; round++) for (const { run, rounds } of contestants) rounds.push(await run())
  const [ofClient = [], ofWeir = [], ofSupergateway = [], ofProxy = []] = contestants.map(({ rounds }) => rounds)
  const share = median(ofWeir) / median(ofClient)
  const [bySupergateway, byProxy] = [median(ofWeir) / median(ofSupergateway), median(ofWeir) / median(ofProxy)]
  await using bare = await ServerProcess.start('weir-stdio', 'bare')
  const seconds = { sdk: await open(() => openSession(weir.port)), bare: await open(() => openSession(bare.port)), direct: await open(openDirectly) }
  await Promise.all(opened.map(client => client.close()))
  return [
    { what: `stdio: tools/call, one session, ${IN_FLIGHT} in flight`, weir: perSecond(ofWeir) },
    { what: '... the SDK\'s stdio client on the same server, without HTTP', weir: perSecond(ofClient) },
    { what: '... Weir\'s share of that', weir: `${(100 * share).toFixed(0)} %`, goal: `at least ${100 * SHARE_GOAL} %`, met: share >= SHARE_GOAL },
    { what: '... supergateway', weir: perSecond(ofSupergateway) },
    { what: '... Weir in times of that', weir: bySupergateway.toFixed(1), goal: `at least ${GATEWAY_GOAL}`, met: bySupergateway >= GATEWAY_GOAL },
    { what: '... mcp-proxy', weir: perSecond(ofProxy) },
    { what: '... Weir in times of that', weir: byProxy.toFixed(1), goal: `at least ${GATEWAY_GOAL}`, met: byProxy >= GATEWAY_GOAL },
    { what: `... ${SESSIONS} sessions of a server without the SDK, each with its child, opened ${OPENING} at a time`, weir: `${seconds.bare.toFixed(1)} s`, goal: `under ${OPEN_GOAL_SECONDS} s`, met: seconds.bare < OPEN_GOAL_SECONDS },
    { what: '... of the SDK\'s server above', weir: `${seconds.sdk.toFixed(1)} s` },
    { what: '... of the same by the SDK\'s stdio client, without Weir', weir: `${seconds.direct.toFixed(1)} s` }
  ]
}

/** One session over as many connections as calls may be in flight. */
async function clientsOf (port: number): Promise<StreamableClient[]> {
  const session = await openSession(port)
  return await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, index) => {
    const connection = await HttpConnection.open(port)
    return new StreamableClient(connection, session).over(connection, index * IDS)
  }))
}

/** Opens a session that is ready for calls: its id. A child may take more than a second, and the answer is an event stream then. */
async function openSession (port: number): Promise<string> {
  const initialize = { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } }
  const answer = await post(port, { id: 0, method: 'initialize', params: initialize })
  const session = answer.headers.get('mcp-session-id')
  if (session === null || !(await answer.text()).includes('"serverInfo":{"name":"fixture"')) throw new Error(`initialize: ${answer.status}`)
  const noted = await post(port, { method: 'notifications/initialized' }, { 'mcp-session-id': session, 'mcp-protocol-version': PROTOCOL_VERSION })
  if (noted.status !== 202) throw new Error(`notifications/initialized: ${noted.status} ${await noted.text()}`)
  return session
}

async function post (port: number, message: object, session: Record<string, string> = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'x-api-key': API_KEY, ...session }
  return await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...message }) })
}

/** Calls per second. Unlike in `load.ts` nobody stays awake: gateway, child and client share the cores. */
async function callFor (clients: StreamableClient[]): Promise<number> {
  const started = performance.now()
  const first = calls
  await Promise.all(clients.map(async client => {
    while (performance.now() - started < RUN_MS) await client.echo(`call ${calls++}`)
  }))
  return (calls - first) * 1_000 / (performance.now() - started)
}

/** The SDK's client on a child of its own. */
async function openDirectly (): Promise<void> {
  const client = new Client({ name: 'bench', version: '1.0.0' })
  await client.connect(new StdioClientTransport({ ...ECHO_SERVER, stderr: 'ignore' }))
  opened.push(client)
}

/** Seconds until all sessions are open. */
async function open (openOne: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let begun = 0
  await Promise.all(Array.from({ length: OPENING }, async () => {
    while (begun++ < SESSIONS) await openOne()
  }))
  return (performance.now() - started) / 1_000
}

function perSecond (rounds: number[]): string {
  return `${median(rounds).toFixed(0)}/s (${spread(rounds)})`
}
