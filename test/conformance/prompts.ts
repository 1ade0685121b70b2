import { completable } from '@modelcontextprotocol/sdk/server/completable.js'
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { GetPromptResult } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { embedded, image, text } from './content.js'

export function registerPrompts (server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'A prompt without arguments' }, () => prompt(text('This is a simple prompt for testing.')))

  const suggest = (value: string) => ['paris', 'park', 'party'].filter(word => word.startsWith(value))
  const twoWords = { arg1: completable(z.string().describe('First test argument'), suggest), arg2: completable(z.string().describe('Second test argument'), suggest) }
  server.registerPrompt('test_prompt_with_arguments', { description: 'A prompt with two arguments', argsSchema: twoWords },
    ({ arg1, arg2 }) => prompt(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)))

  server.registerPrompt('test_prompt_with_embedded_resource', { description: 'A prompt with a resource', argsSchema: { resourceUri: z.string().describe('URI of the resource to embed') } },
    ({ resourceUri }) => prompt(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'), text('Please process the embedded resource above.')))

  server.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image' }, () => prompt(image, text('Please analyze the image above.')))
}

function prompt (...contents: GetPromptResult['messages'][number]['content'][]): GetPromptResult {
  return { messages: contents.map(content => ({ role: 'user', content })) }
}
