import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import { CreateMessageResultSchema, ElicitResultSchema, type ServerNotification, type ServerRequest } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

/** Milliseconds that a tool waits for its client's answer: a fuzz does not have the SDK's minute. */
const ASK_MS = 700

// Made once: a schema for each of thousands of instances would be most of the work.
const Text = z.object({ text: z.string() })
const Bytes = z.object({ bytes: z.number() })
const Milliseconds = z.object({ ms: z.number() })
const Steps = z.object({ steps: z.number() })
const Lines = z.object({ lines: z.number(), related: z.boolean() })
const Pieces = z.object({ bytes: z.number(), pieces: z.number() })
const Related = z.object({ related: z.boolean() })
const Standing = z.object({ standing: z.boolean() })

/** Stands for a session in what its server says. */
export function tagOf (sessionId: string): string {
  return hash('sha256', sessionId).slice(0, 16)
}

/** Server instances, each counted from its making until it is closed. Whatever one says carries its session's tag and a number of its own. */
export class Fixture {
  readonly alive = new Set<McpServer>()
  created = 0
  #said = 0

  readonly create = async (): Promise<McpServer> => {
    const server = this.#server()
    // Some are built at once, some are not there yet when their session has to go.
    if (this.created % 4 === 0) await sleep(this.created % 40)
    return server
  }

  #server (): McpServer {
    this.created++
    const server = new McpServer({ name: 'fuzz', version: '1.0.0' }, { capabilities: { logging: {} } })
    this.alive.add(server)
    server.server.onclose = () => { this.alive.delete(server) }
    // An instance that was never joined to a session hears of its end by this alone.
    const close = server.close.bind(server)
    server.close = async () => {
      this.alive.delete(server)
      await close()
    }
    this.#answering(server)
    this.#telling(server)
    this.#asking(server)
    this.#failing(server)
    return server
  }

  readonly #mark = ({ sessionId }: Pick<Extra, 'sessionId'>) => `«s:${tagOf(sessionId ?? '')}»«n:${++this.#said}»`

  #text (extra: Extra, value: string) {
    return { content: [{ type: 'text' as const, text: `${this.#mark(extra)}${value}` }] }
  }

  #answering (server: McpServer): void {
    server.registerTool('echo', { inputSchema: Text }, ({ text }, extra) => this.#text(extra, text))
    server.registerTool('large', { inputSchema: Bytes }, ({ bytes }, extra) => this.#text(extra, 'x'.repeat(Math.min(bytes, 200_000))))
    server.registerTool('wait', { inputSchema: Milliseconds }, async ({ ms }, extra) => {
      await sleep(Math.min(ms, 1_500), undefined, { signal: extra.signal })
      return this.#text(extra, 'waited')
    })
  }

  #telling (server: McpServer): void {
    server.registerTool('progress', { inputSchema: Steps }, async ({ steps }, extra) => {
      for (let step = 0; step < Math.min(steps, 20); step++) {
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: 1, progress: step, message: this.#mark(extra) } })
        if (step % 3 === 2) await sleep(1)
      }
      return this.#text(extra, 'progressed')
    })
    server.registerTool('log', { inputSchema: Lines }, async ({ lines, related }, extra) => {
      for (let line = 0; line < Math.min(lines, 20); line++) {
        const params = { level: 'info' as const, data: this.#mark(extra) }
        if (related) await extra.sendNotification({ method: 'notifications/message', params })
        else await server.server.notification({ method: 'notifications/message', params })
      }
      return this.#text(extra, 'logged')
    })
    // Nothing of it waits for the reader.
    server.registerTool('burst', {}, async extra => {
      await Promise.allSettled(Array.from({ length: 4 }, () => server.server.notification({ method: 'notifications/message', params: { level: 'info', data: `${this.#mark(extra)}${'x'.repeat(30_000)}` } })))
      return this.#text(extra, 'burst')
    })
    server.registerTool('flood', { inputSchema: Pieces }, async ({ bytes, pieces }, extra) => {
      for (let piece = 0; piece < Math.min(pieces, 20); piece++) {
        await server.server.notification({ method: 'notifications/message', params: { level: 'info', data: `${this.#mark(extra)}${'x'.repeat(Math.min(bytes, 80_000))}` } })
      }
      return this.#text(extra, 'flooded')
    })
  }

  #asking (server: McpServer): void {
    const options = (extra: Extra) => ({ timeout: ASK_MS, signal: extra.signal })
    server.registerTool('sample', { inputSchema: Related }, async ({ related }, extra) => {
      const request = { method: 'sampling/createMessage' as const, params: { maxTokens: 5, messages: [{ role: 'user' as const, content: { type: 'text' as const, text: this.#mark(extra) } }] } }
      const { content } = related
        ? await extra.sendRequest(request, CreateMessageResultSchema, options(extra))
        : await server.server.request(request, CreateMessageResultSchema, options(extra))
      return this.#text(extra, JSON.stringify(content))
    })
    server.registerTool('elicit', {}, async extra => {
      const params = { message: this.#mark(extra), requestedSchema: { type: 'object' as const, properties: { name: { type: 'string' as const } } } }
      return this.#text(extra, JSON.stringify(await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema, options(extra))))
    })
  }

  #failing (server: McpServer): void {
    server.registerTool('leave', { inputSchema: Standing }, async ({ standing }, extra) => {
      if (standing) extra.closeStandaloneSSEStream?.()
      else extra.closeSSEStream?.()
      await sleep(20)
      return this.#text(extra, 'came back')
    })
    server.registerTool('fail', {}, () => { throw new Error('This tool fails, as it was told to') })
    server.registerTool('broken', {}, () => ({ content: [], structuredContent: { big: 1n } }))
    server.registerTool('end', {}, async extra => {
      await server.close()
      return this.#text(extra, 'too late')
    })
  }
}
