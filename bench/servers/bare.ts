import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { fixtureServer } from '../fixture-server.js'
import { answerParent } from './reports.js'

// The floor: the same server on bare `node:http`. Nothing is checked, nobody is asked for a key, nothing is limited.
const transports = new Map<string | undefined, Transport>()

const server = createServer((request, response) => {
  void (request.method === 'GET' ? open(response) : receive(request, response))
})

async function open (response: ServerResponse): Promise<void> {
  const path = `/messages?session_id=${randomUUID()}`
  const transport: Transport = {
    start: async () => {},
    send: async message => { response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`) },
    close: async () => { response.end() }
  }
  transports.set(path, transport)
  response.on('close', () => { transports.delete(path) })
  await fixtureServer().connect(transport)
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`event: endpoint\ndata: ${path}\n\n`)
}

async function receive (request: IncomingMessage, response: ServerResponse): Promise<void> {
  transports.get(request.url)?.onmessage?.(JSON.parse(await text(request)) as JSONRPCMessage)
  response.writeHead(202, { 'content-type': 'text/plain', 'content-length': 8 }).end('Accepted')
}

server.listen(0, '127.0.0.1', () => { answerParent((server.address() as AddressInfo).port) })
