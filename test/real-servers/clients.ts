import { Client as ClientV2, SSEClientTransport as SseTransportV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import type { Test } from 'tap'
import { until } from '../helper.js'

export interface Notification { method: string, params?: Record<string, unknown> | undefined }

/** What a tool answered. */
export interface ToolResult {
  content: { type: string, text?: string, uri?: string }[]
  structuredContent?: unknown
  isError?: boolean
}

export interface CallOptions {
  onprogress?: (progress: { progress: number, total?: number | undefined }) => void
  signal?: AbortSignal
}

/** A session of either SDK's client over either transport. */
export interface RealClient {
  /** For what both SDKs' clients say with the same words. */
  client: Client | ClientV2
  /** Every notification that came, as its transport got it. */
  heard: Notification[]
  /** What the client names when it is asked for its roots. */
  roots: { uri: string, name: string }[]
  call: (name: string, args?: Record<string, unknown>, options?: CallOptions) => Promise<ToolResult>
  /** Calls a tool, and takes the text that it answers. */
  text: (name: string, args?: Record<string, unknown>, options?: CallOptions) => Promise<string>
  /** Waits until a notification of that method came, or came with these words in it. */
  hears: (method: string, words?: string) => Promise<void>
  /** Ends the session as its transport has it. */
  leave: () => Promise<void>
}

export interface ClientOptions {
  /** What the client names when it is asked for its roots; without it, it knows no roots. */
  roots?: { uri: string, name: string }[]
}

type Connect = (t: Test, url: string, options?: ClientOptions) => Promise<RealClient>

const sampled = { model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'The Aare' } }
const elicited = { action: 'accept' as const, content: { name: 'Aare', check: true, integer: 7 } }

const capabilitiesOf = ({ roots }: ClientOptions) => ({ sampling: {}, elicitation: {}, ...(roots && { roots: { listChanged: true } }) })

async function connectV1 (t: Test, transport: SSEClientTransport | StreamableHTTPClientTransport, options: ClientOptions): Promise<RealClient> {
  const client = new Client({ name: 'v1', version: '1' }, { capabilities: capabilitiesOf(options) })
  const rest = common(client, transport, options)
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled)
  client.setRequestHandler(ElicitRequestSchema, () => elicited)
  if (options.roots !== undefined) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: rest.roots }))
  t.teardown(() => client.close())
  await client.connect(transport)
  return { ...rest, ...calling(async (name, args, callOptions) => await client.callTool({ name, arguments: args }, undefined, callOptions) as ToolResult) }
}

async function connectV2 (t: Test, transport: SseTransportV2 | TransportV2, options: ClientOptions, mode: 'legacy' | 'auto' = 'legacy'): Promise<RealClient> {
  const client = new ClientV2({ name: 'v2', version: '1' }, { capabilities: capabilitiesOf(options), versionNegotiation: { mode } })
  const rest = common(client, transport, options)
  client.setRequestHandler('sampling/createMessage', () => sampled)
  client.setRequestHandler('elicitation/create', () => elicited)
  if (options.roots !== undefined) client.setRequestHandler('roots/list', () => ({ roots: rest.roots }))
  t.teardown(() => client.close())
  await client.connect(transport)
  return { ...rest, ...calling(async (name, args, callOptions) => await client.callTool({ name, arguments: args }, callOptions) as ToolResult) }
}

function common (client: Client | ClientV2, transport: { onmessage?: ((message: JSONRPCMessage) => void) | undefined, terminateSession?: () => Promise<void> }, { roots = [] }: ClientOptions) {
  const heard: Notification[] = []
  // Not from the client: that of SDK v1 forgets a call's progress when the answer comes in the same breath.
  transport.onmessage = message => { if ('method' in message && !('id' in message)) heard.push(message) }
  return {
    client,
    heard,
    roots,
    hears: async (method: string, words = '') => await until(() => heard.some(notification => notification.method === method && JSON.stringify(notification).includes(words))),
    leave: async () => {
      await transport.terminateSession?.()
      await client.close()
    }
  }
}

function calling (callTool: (name: string, args: Record<string, unknown>, options?: CallOptions) => Promise<ToolResult>): Pick<RealClient, 'call' | 'text'> {
  return {
    call: async (name, args = {}, options) => await callTool(name, args, options),
    text: async (name, args = {}, options) => (await callTool(name, args, options)).content.map(({ text }) => text).join('\n')
  }
}

/** Both SDKs' clients over both transports. */
export const clients: Record<string, Connect> = {
  'SDK v1 over /mcp': (t, url, options = {}) => connectV1(t, new StreamableHTTPClientTransport(new URL(`${url}/mcp`)), options),
  'SDK v1 over /sse': (t, url, options = {}) => connectV1(t, new SSEClientTransport(new URL(`${url}/sse`)), options),
  'SDK v2 over /mcp': (t, url, options = {}) => connectV2(t, new TransportV2(new URL(`${url}/mcp`)), options),
  'SDK v2 over /mcp, which probes for 2026-07-28': (t, url, options = {}) => connectV2(t, new TransportV2(new URL(`${url}/mcp`)), options, 'auto'),
  'SDK v2 over /sse': (t, url, options = {}) => connectV2(t, new SseTransportV2(new URL(`${url}/sse`)), options)
}
