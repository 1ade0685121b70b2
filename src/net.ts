/** Whether an address or a host name is this machine's own (RFC 6890; RFC 6761, section 6.3). */
export function isLoopback (host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\]|::ffff:127\.\d+\.\d+\.\d+)$/i.test(host)
}

/** The host names by which this machine reaches itself. */
export const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/** Seconds that Node's timers can count: a longer time would fire at once (`setTimeout`, 2^31 - 1 milliseconds). */
export const MAX_TIMER_SECONDS = 2_147_483
