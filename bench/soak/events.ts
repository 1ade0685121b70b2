import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

export interface ServerEvent {
  id?: string
  data: string
}

export interface Message {
  id?: number
  result?: { content?: { text: string }[] }
  error?: { message: string }
}

/** The events of a stream, as they come. Whoever stops to read cuts the connection. */
export async function * eventsOf (response: IncomingMessage): AsyncGenerator<ServerEvent, void> {
  let rest = ''
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    const events = (rest + chunk).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      const id = /^id: (.*)$/m.exec(event)?.[1]
      yield { ...(id !== undefined && { id }), data: /^data: (.*)$/m.exec(event)?.[1] ?? '' }
    }
  }
}

/** The answer to a request, in JSON or on a stream. */
export async function answerIn (response: IncomingMessage, id: number): Promise<Message> {
  if (response.headers['content-type']?.startsWith('text/event-stream') !== true) return JSON.parse(await text(response)) as Message
  for await (const { data } of eventsOf(response)) {
    const message = data === '' ? {} : JSON.parse(data) as Message
    if (message.id === id) return message
  }
  throw new Error('a stream ended without the answer')
}
