import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { SseStream } from '../streams/sse-stream.js'

/** Calls back once, when the response is out or its connection is gone. */
export function onceClosed ({ raw, request }: FastifyReply, callback: () => void): void {
  const { socket } = request.raw
  let closed = false
  const close = () => {
    // Both may be on their way already: the socket's end brings the response's.
    if (closed) return
    closed = true
    raw.off('close', close)
    socket.off('close', close)
    callback()
  }
  raw.once('close', close)
  // A response that waits for its turn (pipelining) is not told that its connection is gone. Many may wait for one connection.
  socket.setMaxListeners(0)
  socket.once('close', close)
}

/**
 * Makes an event stream the answer of a handler, which returns what this returns: it goes through `reply.send`, so that
 * the host's headers and hooks are kept. It counts as a connection until its socket is done.
 */
export function prepareStream (reply: FastifyReply, stream: SseStream, heartbeatSeconds: number): Readable {
  const { metrics } = reply.server
  metrics.connectionOpened()
  onceClosed(reply, () => { metrics.connectionClosed() })
  stream.attach(reply.raw)
  // An event stream ends with its connection, so it needs no chunks: each event is one write, not three (RFC 9112, section 6.3).
  reply.raw.removeHeader('transfer-encoding')
  // TCP keep-alive finds a machine that vanished while nothing was on its way to it.
  reply.raw.socket?.setKeepAlive?.(true, heartbeatSeconds * 1_000)
  void reply.type('text/event-stream').cacheControl('no-store').header('x-accel-buffering', 'no')
  return stream.readable
}
