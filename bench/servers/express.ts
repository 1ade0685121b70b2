import type { AddressInfo } from 'node:net'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import express from 'express'
import { fixtureServer } from '../fixture-server.js'
import { answerParent } from './reports.js'

// The baseline: what the SDK's own example for HTTP+SSE does, without its log lines.
const transports = new Map<string, SSEServerTransport>()
let onFlooded = () => {}

const app = express()
app.use(express.json())

app.get('/sse', async (_request, response) => {
  const transport = new SSEServerTransport('/messages', response)
  transports.set(transport.sessionId, transport)
  transport.onclose = () => { transports.delete(transport.sessionId) }
  await fixtureServer(() => { onFlooded() }).connect(transport)
})

app.post('/messages', async (request, response) => {
  const { sessionId } = request.query
  const transport = typeof sessionId === 'string' ? transports.get(sessionId) : undefined
  if (transport === undefined) response.status(404).send('Session not found')
  else await transport.handlePostMessage(request, response, request.body)
})

const server = app.listen(0, '127.0.0.1', () => {
  onFlooded = answerParent((server.address() as AddressInfo).port).onFlooded
})
