/** Settles as `work` does, or rejects with the signal's reason if that comes first. */
export async function orAborted<T> (work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const settled = new AbortController()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => { reject(signal.reason as Error) }, { signal: settled.signal })
  })
  try {
    return await Promise.race([work(), aborted])
  } finally {
    settled.abort()
  }
}
