import type { HttpResponse } from '../../src/streams/post-reply.js'
import type { SseStream } from '../../src/streams/sse-stream.js'

/** An HTTP response that keeps what it is given. */
export class FakeResponse implements HttpResponse {
  gone = false
  bufferedBytes = 0
  readonly answers: string[] = []
  text = ''
  streaming = false
  ended = false
  readonly #callbacks: (() => void)[] = []

  json (text: string): void { this.answers.push(text) }

  stream (stream: SseStream): void {
    this.streaming = true
    stream.readable.setEncoding('utf8')
    stream.readable.on('data', (text: string) => { this.text += text })
    stream.readable.on('end', () => { this.ended = true })
  }

  onClose (callback: () => void): void { this.#callbacks.push(callback) }

  destroy (): void { this.close() }

  /** Its client goes away, or has read all. */
  close (): void {
    this.gone = true
    for (const callback of this.#callbacks.splice(0)) callback()
  }

  /** The ids of the events so far. */
  get ids (): string[] { return [...this.text.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id) }

  /** What the events so far say. */
  get data (): string[] { return [...this.text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data) }
}

/** Lets what was written arrive. */
export async function arrived (): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
}
