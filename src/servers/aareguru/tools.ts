import { type McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { type CallToolResult, type ToolAnnotations } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'
import { type AareguruClient } from './client.js'
import { compareCities } from './compare.js'
import { historicalData } from './history.js'
import { CitiesOutput, ComparisonOutput, ConditionsOutput, DangerOutput, ForecastOutput, HistoryOutput, TemperatureOutput } from './outputs.js'
import { currentConditions, currentTemperature, flowDangerLevel, forecast, listCities } from './readings.js'

/** Characters of a city's name. */
const MAX_NAME = 100

/** Cities in one comparison. */
const MAX_CITIES = 30

const READ_ONLY: ToolAnnotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true }

// Strict: an argument that is not known is refused, because one that is silently ignored gets trusted.
const CityInput = z.strictObject({
  city: z.string().max(MAX_NAME).default('bern').describe('Key or name of a city, as list_cities gives them')
})

const Moment = z.union([z.string().max(40), z.number()])

const HistoryInput = z.strictObject({
  city: z.string().max(MAX_NAME).describe('Key or name of a city, as list_cities gives them'),
  start: Moment.describe('ISO date or date and time (UTC unless it says otherwise), unix seconds, a relative date such as "-7 days", or "now"'),
  end: Moment.describe('As start, at most 366 days after it. A date means its first moment: to include a day, name the next one')
})

const CompareInput = z.strictObject({
  cities: z.array(z.string().max(MAX_NAME)).max(MAX_CITIES).optional().describe('Keys or names of cities; all if left out')
})

/** The seven tools. A failure is thrown, and the SDK turns it into a result with `isError: true` and the message. */
export function registerTools (server: McpServer, client: AareguruClient): void {
  server.registerTool('get_current_temperature', {
    title: 'Water temperature',
    description: 'How warm the Aare is in a city now, with the Bernese German comment explained, a warning if the flow is dangerous, and a warmer place if this one is cold.',
    inputSchema: CityInput,
    outputSchema: TemperatureOutput,
    annotations: READ_ONLY
  }, async args => toResult(await currentTemperature(client, args)))

  server.registerTool('get_current_conditions', {
    title: 'Current conditions',
    description: 'All about the Aare in a city now: temperature, flow, danger level, water level, the next two hours, and the weather.',
    inputSchema: CityInput,
    outputSchema: ConditionsOutput,
    annotations: READ_ONLY
  }, async args => toResult(await currentConditions(client, args)))

  server.registerTool('get_historical_data', {
    title: 'Past values',
    description: 'Past temperature (°C) and flow (m³/s) of the Aare in a city over at most 366 days, with a summary of each series.',
    inputSchema: HistoryInput,
    outputSchema: HistoryOutput,
    annotations: READ_ONLY
  }, async args => toResult(await historicalData(client, args)))

  server.registerTool('list_cities', {
    title: 'Cities',
    description: 'The cities along the Aare that can be asked for, with coordinates and water temperature.',
    outputSchema: CitiesOutput,
    annotations: READ_ONLY
  }, async () => toResult(await listCities(client)))

  server.registerTool('get_flow_danger_level', {
    title: 'Danger level of the flow',
    description: 'How strong the Aare runs in a city (m³/s) and how dangerous that is for swimmers, from 1 (safe) to 5 (extremely dangerous); 0 means unknown.',
    inputSchema: CityInput,
    outputSchema: DangerOutput,
    annotations: READ_ONLY
  }, async args => toResult(await flowDangerLevel(client, args)))

  server.registerTool('compare_cities', {
    title: 'Compare cities',
    description: 'Compares temperature and safety of several or all cities: the warmest, the coldest, the safest, and where to go.',
    inputSchema: CompareInput,
    outputSchema: ComparisonOutput,
    annotations: READ_ONLY
  }, async args => toResult(await compareCities(client, args)))

  server.registerTool('get_forecast', {
    title: 'Forecast of two hours',
    description: 'The water temperature in a city in two hours (there is no other forecast), its trend, and whether to go now or later.',
    inputSchema: CityInput,
    outputSchema: ForecastOutput,
    annotations: READ_ONLY
  }, async args => toResult(await forecast(client, args)))
}

/** The result as structure, and the same as text for clients that read only that. */
function toResult (structuredContent: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
}
