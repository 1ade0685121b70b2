import { isIPv6 } from 'node:net'
import { normalizeIP } from '@fastify/rate-limit'

/** By what a client's address is counted: IPv6 by its /64, and one name for all of a Unix socket, which has no addresses. */
export function addressKey (ip: string | undefined): string {
  if (ip === undefined) return 'local'
  return ip.includes(':') ? normalizeIP(ip, 64) : ip
}

/** Whether an address or a host name is this machine's own (RFC 6890; RFC 6761, section 6.3). */
export function isLoopback (host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\]|::ffff:127\.\d+\.\d+\.\d+)$/i.test(host)
}

/** The host names by which this machine reaches itself. */
export const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/** The form in which a browser sends an origin (RFC 6454, section 6.2): lower case, and without the scheme's own port. */
export function normalizeOrigin (origin: string): string {
  return /^https?:/i.test(origin) && URL.canParse(origin) ? new URL(origin).origin : origin.toLowerCase()
}

/** The form in which a Host header names a host, without its port: lower case, IPv6 in brackets (RFC 3986, section 3.2.2). */
export function normalizeHost (host: string): string {
  return isIPv6(host) ? `[${host.toLowerCase()}]` : host.toLowerCase()
}

/** An origin, without a path. */
export const ORIGIN_PATTERN = '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\s*]+$'

/** A host name or address, without scheme or port. */
export const HOST_PATTERN = '^(\\[[0-9A-Fa-f:.]+\\]|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|[A-Za-z0-9._-]+)$'

/** What an HTTP header can carry of a key (RFC 9110, section 5.5, without what is obsolete). */
export const KEY_PATTERN = '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$'

/** A header's name (RFC 9110, section 5.6.2). */
export const HEADER_PATTERN = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"

/** Seconds that Node's timers can count: a longer time would fire at once (`setTimeout`, 2^31 - 1 milliseconds). */
export const MAX_TIMER_SECONDS = 2_147_483
