import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'

/** A PNG image of one red pixel, in base64. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC'

/** A WAV sound (8 kHz, 8 bits, mono) without a sample, in base64. */
export const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

export const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' }

export function text (value: string) {
  return { type: 'text' as const, text: value }
}

/** A resource as content of an answer or of a prompt. */
export function embedded (uri: string, mimeType: string, value: string) {
  return { type: 'resource' as const, resource: { uri, mimeType, text: value } }
}

/** A tool's answer. */
export function result (...content: CallToolResult['content']): CallToolResult {
  return { content }
}
