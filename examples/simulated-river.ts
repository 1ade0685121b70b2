// A small server that speaks the shapes of https://aareguru.existenz.ch from a model of the river, for demonstrations
// and tests. Every payload says that it is simulated.
//
//   npx tsx examples/simulated-river.ts 8018     then     AAREGURU_BASE_URL=http://127.0.0.1:8018
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { answer } from './simulated-river-model.js'

const MAX_REQUESTS = 1000

/** How the server fails: an HTTP 503, no answer, a cut connection, no JSON, JSON of another shape, an answer without end. */
export type Failure = 'status' | 'hang' | 'cut' | 'garbage' | 'shape' | 'endless'

export interface SimulatedRiverOptions {
  /** 0, the default, picks a free port. */
  port?: number
  host?: string
  /** Clock of the river in milliseconds. */
  now?: () => number
  /** Another seed is another year: other days are warm and other days are wet. */
  seed?: number
}

export interface SimulatedRiver {
  url: string
  /** The last thousand request URLs, path and query. */
  requests: string[]
  /** Set it to make the server fail, null to mend it. */
  fail: Failure | null
  /** Set it to change what is answered: it gets the request's URL and the payload, and returns the payload to send. */
  patch: ((url: URL, payload: unknown) => unknown) | null
  close: () => Promise<void>
}

function failAs (failure: Failure, response: ServerResponse): void {
  switch (failure) {
    case 'status': response.writeHead(503).end('{"simulated":true}'); break
    case 'hang': break
    case 'cut': response.destroy(); break
    case 'garbage': response.writeHead(200).end('<html>simulated</html>'); break
    case 'shape': response.writeHead(200).end('{"simulated":true,"aare":"wet","values":7,"data":7}'); break
    case 'endless': {
      const chunk = '['.repeat(65_536)
      const pour = (): void => { if (!response.destroyed) response.write(chunk, pour) }
      pour()
    }
  }
}

/** Starts a river. It is deterministic: the same city, moment and seed give the same values. */
export async function startSimulatedRiver ({ port = 0, host = '127.0.0.1', now = Date.now, seed = 1 }: SimulatedRiverOptions = {}): Promise<SimulatedRiver> {
  const server = createServer((request: IncomingMessage, response) => {
    const url = new URL(String(request.url), 'http://simulated')
    simulated.requests.push(url.pathname + url.search)
    if (simulated.requests.length > MAX_REQUESTS) simulated.requests.shift()
    if (simulated.fail !== null) {
      failAs(simulated.fail, response)
      return
    }
    const payload = answer(url, now(), seed)
    response.setHeader('content-type', 'application/json; charset=utf-8')
    if (payload === undefined) {
      response.writeHead(404).end('{"simulated":true}')
      return
    }
    response.end(JSON.stringify(simulated.patch === null ? payload : simulated.patch(url, payload)))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  const { port: bound } = server.address() as AddressInfo
  const simulated: SimulatedRiver = {
    url: `http://${host}:${bound}`,
    requests: [],
    fail: null,
    patch: null,
    async close () {
      server.closeAllConnections()
      await new Promise<void>(resolve => server.close(() => resolve()))
    }
  }
  return simulated
}

/* c8 ignore start -- only when run as a program */
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url } = await startSimulatedRiver({ port: Number(process.argv[2] ?? 8018) })
  console.error(`Simulated river, not the Aare: ${url}/v2018/current?city=bern`)
}
/* c8 ignore stop */
