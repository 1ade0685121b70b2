import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js'
import type { StreamSet } from '../streams/stream-set.js'
import type { ReceiveContext } from './session-types.js'

/** What the SDK hands to a server's handlers beside a message: who sent it, and how a stream is ended early where the client understands that. */
export function messageExtra ({ authInfo, requestInfo, reply }: ReceiveContext, streams: StreamSet | undefined): MessageExtraInfo {
  const extra: MessageExtraInfo = {}
  if (authInfo !== undefined) extra.authInfo = authInfo
  if (requestInfo !== undefined) extra.requestInfo = requestInfo
  if (reply !== undefined && streams?.primes === true) {
    extra.closeSSEStream = () => { reply.pause() }
    extra.closeStandaloneSSEStream = () => { streams.pause() }
  }
  return extra
}
