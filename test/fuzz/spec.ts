import { tagOf } from './fixture-server.js'

/** The two owners of sessions, by their keys. */
export const KEYS = ['fuzz-key-of-owner-zero', 'fuzz-key-of-owner-one'] as const

export type Owner = 0 | 1

/** How each owner marks what he says: no flipped bit makes one of the other. */
export const MARKS = ['zero', 'one'] as const

export const VERSIONS = ['2025-03-26', '2025-06-18', '2025-11-25'] as const

/** A session that the server gave to a client. */
export interface Known {
  readonly id: string
  readonly owner: Owner
  readonly tag: string
  readonly kind: 'streamable' | 'sse'
  readonly version: string
  /** The path that `endpoint` named, for HTTP+SSE. */
  readonly endpoint?: string
  /** Event ids that were seen in it, with what came with them. */
  readonly events: Map<string, string>
  /** Ids of requests that were cancelled by anybody. */
  readonly cancelled: Set<string>
  /** Whether it was asked for more than a reader may keep waiting: its connections may be cut. */
  flooded: boolean
  /** Nobody uses it before (`performance.now`), so that it falls asleep. */
  restsUntil: number
  /** When it was seen to have ended. */
  overAt: number | undefined
}

/** One request as it will go out. */
export interface Spec {
  step: number
  method: string
  path: string
  headers: [name: string, value: string][]
  body?: Buffer | undefined
  /** HTTP itself is broken in it: any refusal will do, or none. */
  broken: boolean
  /** Written in place of what the rest says. */
  raw?: Buffer
  /** Statuses of which one must come. */
  expected?: number[]
  /** The id of the one request that is in the body. */
  id?: unknown
}

export function known (id: string, owner: Owner, kind: Known['kind'], version: string, endpoint?: string): Known {
  return { id, owner, kind, version, tag: tagOf(id), events: new Map(), cancelled: new Set(), flooded: false, restsUntil: 0, overAt: undefined, ...(endpoint !== undefined && { endpoint }) }
}

export function bytesOf (spec: Spec): Buffer {
  if (spec.raw !== undefined) return spec.raw
  const { method, path, headers, body } = spec
  const sized = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
  const all = body === undefined || sized ? headers : [...headers, ['content-length', String(body.length)] as const]
  const head = `${method} ${path} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return body === undefined ? Buffer.from(head, 'latin1') : Buffer.concat([Buffer.from(head, 'latin1'), body])
}

/** The one value of a header; undefined if it is not there, `null` if it is there more than once. */
export function headerOf ({ headers }: Spec, name: string): string | null | undefined {
  const values = headers.filter(([other]) => other.toLowerCase() === name)
  return values.length > 1 ? null : values[0]?.[1]
}

/** Whose key the request carries. */
export function ownerOf (spec: Spec): Owner | undefined {
  const bearer = headerOf(spec, 'authorization')
  const key = headerOf(spec, 'x-api-key') ?? (headerOf(spec, 'x-api-key') === undefined ? /^bearer +(.*)$/i.exec(bearer ?? '')?.[1] : undefined)
  const owner = KEYS.findIndex(known => known === key?.trim())
  return owner === -1 ? undefined : owner as Owner
}

/** The path without its query. */
export function pathOf ({ path }: Spec): string {
  return path.split(/[?#]/)[0] as string
}

/** For a report: what can be replayed with `printf '%b' … | nc`. */
export function describe (spec: Spec): string {
  const bytes = bytesOf(spec)
  const text = JSON.stringify(bytes.subarray(0, 1_500).toString('latin1'))
  return `step ${spec.step}${spec.broken ? ' (broken on purpose)' : ''}: ${text}${bytes.length > 1_500 ? ` … ${bytes.length} bytes` : ''}`
}
