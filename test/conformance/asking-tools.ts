import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import { CreateMessageResultSchema, ElicitResultSchema, type ElicitRequestFormParams, type ServerNotification, type ServerRequest } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { result, text } from './content.js'

type Fields = ElicitRequestFormParams['requestedSchema']['properties']
type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

const USER: Fields = {
  username: { type: 'string', description: "User's response" },
  email: { type: 'string', description: "User's email address" }
}

const DEFAULTS: Fields = {
  name: { type: 'string', description: 'User name', default: 'John Doe' },
  age: { type: 'integer', description: 'User age', default: 30 },
  score: { type: 'number', description: 'User score', default: 95.5 },
  status: { type: 'string', description: 'User status', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', description: 'Verification status', default: true }
}

const ENUMS: Fields = {
  untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  titledSingle: { type: 'string', oneOf: titled('First Option', 'Second Option', 'Third Option') },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
  untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
  titledMulti: { type: 'array', items: { anyOf: titled('First Choice', 'Second Choice', 'Third Choice') } }
}

/** The tools that ask the client something before they answer. */
export function registerAskingTools (server: McpServer): void {
  server.registerTool('test_sampling', { description: "Asks the client's model", inputSchema: { prompt: z.string().describe('The prompt to send to the LLM') } }, async ({ prompt }, { sendRequest }) => {
    const params = { messages: [{ role: 'user' as const, content: text(prompt) }], maxTokens: 100 }
    const { content } = await sendRequest({ method: 'sampling/createMessage', params }, CreateMessageResultSchema)
    return result(text(`LLM response: ${content.type === 'text' ? content.text : content.type}`))
  })

  server.registerTool('test_elicitation', { description: 'Asks the user who they are', inputSchema: { message: z.string().describe('The message to show the user') } },
    async ({ message }, extra) => result(text(`User response: ${await ask(extra, message, USER, ['username', 'email'])}`)))

  server.registerTool('test_elicitation_sep1034_defaults', { description: 'Asks the user, with a default for each kind of field' },
    async extra => result(text(`Elicitation completed: ${await ask(extra, 'Please review and update the form fields with defaults', DEFAULTS)}`)))

  server.registerTool('test_elicitation_sep1330_enums', { description: 'Asks the user, with each kind of choice' },
    async extra => result(text(`Elicitation completed: ${await ask(extra, 'Please select options from the enum fields', ENUMS)}`)))
}

// `sendRequest` of the call, not `server.elicitInput`: so the question goes out on the call's own stream.
async function ask ({ sendRequest }: Extra, message: string, properties: Fields, required: string[] = []): Promise<string> {
  const { action, content } = await sendRequest({ method: 'elicitation/create', params: { message, requestedSchema: { type: 'object', properties, required } } }, ElicitResultSchema)
  return `action=${action}, content=${JSON.stringify(content ?? {})}`
}

function titled (...titles: string[]) {
  return titles.map((title, index) => ({ const: `value${index + 1}`, title }))
}
