import type { FastifyReply } from 'fastify'
import type { SseStream } from '../streams/sse-stream.js'

/**
 * Answers with an event stream. It goes through `reply.send`, so that the host's headers and hooks are kept,
 * and counts as a connection until its socket is done.
 */
export function sendStream (reply: FastifyReply, stream: SseStream, heartbeatSeconds: number): FastifyReply {
  const { metrics } = reply.server
  metrics.connectionOpened()
  reply.raw.once('close', () => { metrics.connectionClosed() })
  stream.attach(reply.raw)
  // TCP keep-alive finds a machine that vanished while nothing was on its way to it.
  reply.raw.socket?.setKeepAlive?.(true, heartbeatSeconds * 1_000)
  return reply
    .type('text/event-stream')
    .cacheControl('no-store')
    .header('x-accel-buffering', 'no')
    .send(stream.readable)
}
