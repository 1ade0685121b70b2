import { setTimeout as delay } from 'node:timers/promises'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'
import { embedded, image, result, text, WAV } from './content.js'

/** What the tool with the long schema says of its arguments, beyond what zod can express. */
const JSON_SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' }
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false
}

/** The tools that answer by themselves. */
export function registerTools (server: McpServer): void {
  server.registerTool('test_simple_text', { description: 'Answers with text' }, () => result(text('This is a simple text response for testing.')))

  server.registerTool('test_image_content', { description: 'Answers with an image' }, () => result(image))

  server.registerTool('test_audio_content', { description: 'Answers with a sound' }, () => result({ type: 'audio', data: WAV, mimeType: 'audio/wav' }))

  server.registerTool('test_embedded_resource', { description: 'Answers with a resource' },
    () => result(embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')))

  server.registerTool('test_multiple_content_types', { description: 'Answers with text, an image and a resource' },
    () => result(text('Multiple content types test:'), image, embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')))

  server.registerTool('test_error_handling', { description: 'Always fails' }, () => { throw new Error('This tool intentionally returns an error for testing') })

  server.registerTool('test_tool_with_logging', { description: 'Logs three times while it runs' }, async ({ sendNotification }) => {
    const log = async (data: string) => { await sendNotification({ method: 'notifications/message', params: { level: 'info', data } }) }
    await log('Tool execution started')
    await delay(50)
    await log('Tool processing data')
    await delay(50)
    await log('Tool execution completed')
    return result(text('Tool with logging executed successfully'))
  })

  server.registerTool('test_tool_with_progress', { description: 'Reports its progress three times' }, async ({ _meta, sendNotification }) => {
    for (const progress of [0, 50, 100]) {
      if (progress > 0) await delay(50)
      // Only who sent a token asked for progress.
      if (_meta?.progressToken !== undefined) await sendNotification({ method: 'notifications/progress', params: { progressToken: _meta.progressToken, progress, total: 100 } })
    }
    return result(text('Tool with progress executed successfully'))
  })

  server.registerTool('test_reconnection', { description: 'Closes its own event stream before it answers' }, async ({ closeSSEStream }) => {
    closeSSEStream?.()
    await delay(100)
    return result(text('Reconnection test completed successfully'))
  })

  // The SDK makes the listed schema from zod's; zod lays the metadata over what it made.
  server.registerTool('json_schema_2020_12_tool', { description: 'Tool with JSON Schema 2020-12 features', inputSchema: z.looseObject({}).meta(JSON_SCHEMA_2020_12) },
    args => result(text(JSON.stringify(args))))
}
