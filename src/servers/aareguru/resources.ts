import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js'
import { type ReadResourceResult } from '@modelcontextprotocol/sdk/types.js'
import { type AareguruClient } from './client.js'
import { DANGER_TABLE, DEFAULT_FLOW_THRESHOLD } from './danger.js'
import { AareguruError } from './errors.js'
import { type Answer } from './feed.js'
import { fold, printable } from './names.js'
import { ATTRIBUTION, provenance } from './provenance.js'
import { listCities } from './readings.js'

const MIME_TYPE = 'application/json'

const SAFETY_LEVELS = {
  attribution: ATTRIBUTION,
  unit: 'm³/s',
  levels: DANGER_TABLE.map(({ level, below, assessment, warning }) => ({
    level,
    assessment,
    warning,
    flow_below: below === 'threshold' ? `the threshold of the city, ${DEFAULT_FLOW_THRESHOLD} if it has none` : below
  })),
  rule: 'The level is that of the first row whose limit the flow is below. When the official level is higher, it wins. Without a flow the level is 0.',
  sources: [
    'Flow and thresholds: https://aare.guru',
    'Official danger levels 1 to 5: BAFU, https://www.hydrodaten.admin.ch'
  ]
}

/** Completes the first letters of a city's key or name. */
export type CompleteCity = (value: string) => Promise<string[]>

export function cityCompletion (client: AareguruClient): CompleteCity {
  return async value => {
    const { data } = await client.cities()
    const start = fold(value)
    return data.filter(({ city, name }) => fold(city).startsWith(start) || fold(name ?? '').startsWith(start)).map(({ city }) => city)
  }
}

/** Registers the resources; made once, used for every server instance. */
export function createResources (client: AareguruClient, completeCity: CompleteCity): (server: McpServer) => void {
  const complete = { city: completeCity }
  // `list: undefined`: a template is listed as a template only.
  const current = new ResourceTemplate('aareguru://current/{city}', { list: undefined, complete })
  const today = new ResourceTemplate('aareguru://today/{city}', { list: undefined, complete })

  return server => {
    server.registerResource('cities', 'aareguru://cities', {
      title: 'Cities', description: 'The cities that can be asked for, with coordinates and water temperature', mimeType: MIME_TYPE
    }, async uri => toContents(uri, await listCities(client)))

    server.registerResource('widget', 'aareguru://widget', {
      title: 'All cities in short', description: 'Temperature, flow and forecast of all cities', mimeType: MIME_TYPE
    }, async uri => {
      const answer = await client.widget()
      return toContents(uri, { ...provenance(client.now(), [answer]), data: answer.data })
    })

    server.registerResource('safety-levels', 'aareguru://safety-levels', {
      title: 'Danger levels', description: 'What the danger levels mean, and the flows that they begin at', mimeType: MIME_TYPE
    }, uri => toContents(uri, SAFETY_LEVELS))

    server.registerResource('current', current, {
      title: 'Current conditions of a city', description: 'Everything that aare.guru says about a city now', mimeType: MIME_TYPE
    }, async (uri, { city }) => await readCity(uri, city, async key => {
      const answer = await client.current(key)
      return { answer, measured: answer.data.aare.timestamp }
    }))

    server.registerResource('today', today, {
      title: 'Today in a city', description: 'Temperature and comment of the day', mimeType: MIME_TYPE
    }, async (uri, { city }) => await readCity(uri, city, async key => {
      const answer = await client.today(key)
      return { answer, measured: answer.data.time }
    }))
  }

  async function readCity (uri: URL, variable: string | string[] | undefined, ask: (key: string) => Promise<{ answer: Answer<object>, measured: number | null }>) {
    const { city, cities } = await client.resolve(decode(String(variable)))
    const { answer, measured } = await ask(city.city)
    return toContents(uri, { ...provenance(client.now(), [cities, answer], measured), city: city.city, name: city.name, data: answer.data })
  }
}

function decode (variable: string): string {
  try {
    return decodeURIComponent(variable)
  } catch (cause) {
    throw new AareguruError('BAD_ARGUMENT', `"${printable(variable)}" is not the name of a city`, { cause })
  }
}

function toContents (uri: URL, value: object): ReadResourceResult {
  return { contents: [{ uri: uri.href, mimeType: MIME_TYPE, text: JSON.stringify(value) }] }
}
