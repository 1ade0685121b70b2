import type { AddressInfo } from 'node:net'
import express from 'express'
import { answerParent } from './reports.js'
import { handle } from './sdk-sessions.js'

// The baseline of Streamable HTTP: Express with the SDK's transport.
const app = express()
app.use(express.json())
app.all('/mcp', async (request, response) => { await handle(request, response, request.body) })

const server = app.listen(0, '127.0.0.1', () => { answerParent((server.address() as AddressInfo).port) })
// As Fastify's: while the others are measured its connections wait.
server.keepAliveTimeout = 72_000
