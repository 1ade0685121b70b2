import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { type Test } from 'tap'
import { type SimulatedRiver, startSimulatedRiver } from '../../../examples/simulated-river.js'
import { type Aareguru, type AareguruOptions, createAareguru } from '../../../src/servers/aareguru/server.js'

/** Noon of a summer day in Bern. */
export const SUMMER = Date.UTC(2025, 6, 15, 10)

export const MINUTE = 60_000

/** The tools, and what those need that have no default for it. */
export const TOOLS = ['compare_cities', 'get_current_conditions', 'get_current_temperature', 'get_flow_danger_level', 'get_forecast', 'get_historical_data', 'list_cities']
export const ARGUMENTS: Record<string, Record<string, unknown>> = { get_historical_data: { city: 'bern', start: '-1 days', end: 'now' } }

export interface Outcome {
  isError: boolean
  text: string
  data: Record<string, unknown>
}

export interface Setup {
  clock: { ms: number }
  river: SimulatedRiver
  aareguru: Aareguru
  /** Opens a session with a server instance of its own. */
  connect: () => Promise<Client>
  /** Calls a tool in the first session. */
  call: (name: string, args?: Record<string, unknown>) => Promise<Outcome>
  client: Client
  /** How many requests upstream got whose path starts so. */
  asked: (path: string) => number
}

/** A simulated river, the server that asks it, and a session with it; everything on one clock that a test moves. */
export async function setUp (t: Test, options: Partial<AareguruOptions> = {}): Promise<Setup> {
  const clock = { ms: SUMMER }
  const now = () => clock.ms
  const river = await startSimulatedRiver({ now })
  t.teardown(() => river.close())
  const aareguru = createAareguru({ version: '9.8.7', baseUrl: river.url, timeoutSeconds: 5, now, ...options })

  const connect = async (): Promise<Client> => {
    const client = new Client({ name: 'test', version: '1.0.0' })
    const [ours, theirs] = InMemoryTransport.createLinkedPair()
    const server = aareguru.createServer()
    await server.connect(theirs)
    await client.connect(ours)
    t.teardown(() => client.close())
    // From here on the client checks every result against the tool's outputSchema.
    await client.listTools()
    return client
  }
  const client = await connect()
  return {
    clock,
    river,
    aareguru,
    connect,
    client,
    call: async (name, args = {}) => await callTool(client, name, args),
    asked: path => river.requests.filter(url => url.startsWith(path)).length
  }
}

export async function callTool (client: Client, name: string, args: Record<string, unknown> = {}): Promise<Outcome> {
  const result = await client.callTool({ name, arguments: args })
  const [content] = result.content as { type: string, text: string }[]
  return { isError: result.isError === true, text: content?.text ?? '', data: (result.structuredContent ?? {}) as Record<string, unknown> }
}

/** Makes the river answer `/current` with other values of the water; `city` limits that to one city. */
export function patchAare (river: SimulatedRiver, values: Record<string, unknown>, city?: string): void {
  river.patch = (url, payload) => {
    if (url.pathname !== '/v2018/current' || (city !== undefined && url.searchParams.get('city') !== city)) return payload
    const current = payload as { aare: object }
    return { ...current, aare: { ...current.aare, ...values } }
  }
}

/** Reads a resource as JSON. */
export async function readJson (client: Client, uri: string): Promise<Record<string, unknown>> {
  const { contents } = await client.readResource({ uri })
  const [content] = contents as { uri: string, text: string }[]
  return JSON.parse(content?.text ?? '') as Record<string, unknown>
}
