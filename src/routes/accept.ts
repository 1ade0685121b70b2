import Negotiator from 'negotiator'

const JSON_TYPE = 'application/json'
const STREAM_TYPE = 'text/event-stream'

/** What every SDK sends: nothing has to be parsed for it. */
const usual = `${JSON_TYPE}, ${STREAM_TYPE}`

/** Whether a client takes JSON as well as an event stream, named or as a range such as `*` + `/*` (RFC 9110, section 12.5.1). */
export function acceptsBoth (accept: string | undefined): boolean {
  return accept === usual || (accepts(accept, JSON_TYPE) && accepts(accept, STREAM_TYPE))
}

/** Whether a client takes an event stream. */
export function acceptsStream (accept: string | undefined): boolean {
  return accept === STREAM_TYPE || accepts(accept, STREAM_TYPE)
}

// The specification asks for the header: without one a client takes nothing.
function accepts (accept: string | undefined, type: string): boolean {
  return accept !== undefined && new Negotiator({ headers: { accept: accept.replaceAll(/;(?!\s*q\s*=)[^;,]*/gi, '') } }).mediaType([type]) === type
}
