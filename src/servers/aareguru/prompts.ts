import { completable } from '@modelcontextprotocol/sdk/server/completable.js'
import { type McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { type GetPromptResult } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'
import { ATTRIBUTION } from './provenance.js'
import { type CompleteCity } from './resources.js'

// Arguments of prompts are strings. They end up in a text that a model obeys, so they are held to what they are.
const CityName = z.string().regex(/^[\p{L}\p{M}\d .,'()/-]{1,60}$/u, 'must be the name of a city')
const Celsius = z.string().regex(/^-?\d{1,2}(?:\.\d{1,2})?$/, 'must be a temperature in °C').optional().describe('Lowest water temperature in °C')
const YesOrNo = z.enum(['true', 'false']).optional().describe('"true" to leave out places with an elevated flow')
const Days = z.string().regex(/^(?:[1-9]|[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6])$/, 'must be 1 to 366 days').optional().describe('Days to look back, 7 by default')

const CARE = `Pass on every warning and notice of the tools. If the data are simulated, say so first. End with: ${ATTRIBUTION}`

/** Registers the prompts; made once, used for every server instance. */
export function createPrompts (completeCity: CompleteCity): (server: McpServer) => void {
  // `completable` marks the schema that it is given, so it gets one of its own.
  const city = completable(CityName.describe('Key or name of a city'), completeCity)
  const report = { city }
  const comparison = { min_temperature: Celsius, safety_only: YesOrNo }
  const analysis = { city, days: Days }

  return server => {
    server.registerPrompt('daily-swimming-report', {
      title: 'Daily swimming report', description: 'Can I swim in the Aare today, and when?', argsSchema: report
    }, ({ city }) => toPrompt(
      `Write a short report for swimmers on the Aare in ${city} today. Call get_current_conditions, get_flow_danger_level and get_forecast for this city. ` +
      'Say first whether it is safe, then how warm the water is and what the Bernese German comment means, then the flow, the weather and the best time within the next two hours.'))

    server.registerPrompt('compare-swimming-spots', {
      title: 'Compare swimming spots', description: 'Where along the Aare is it best today?', argsSchema: comparison
    }, ({ min_temperature: minTemperature, safety_only: safetyOnly }) => toPrompt([
      'Compare the places along the Aare for swimming now. Call compare_cities without arguments.',
      minTemperature === undefined ? '' : `Leave out places below ${minTemperature} °C.`,
      safetyOnly === 'true' ? 'Leave out places with a danger level above 2 or without flow data.' : '',
      'Show the others in a table with temperature, flow and danger level, the best one first, and say in a sentence why it is the best.'
    ].filter(Boolean).join(' ')))

    server.registerPrompt('weekly-trend-analysis', {
      title: 'Trend of the last days', description: 'How temperature and flow have changed', argsSchema: analysis
    }, ({ city, days = '7' }) => toPrompt(
      `Analyse how the Aare in ${city} has changed over the last ${days} days. Call get_historical_data with start "-${days} days" and end "now", and get_forecast. ` +
      'Describe the trend of temperature and flow, name the highest and the lowest values with their days, and say what that means for swimmers.'))
  }
}

function toPrompt (text: string): GetPromptResult {
  return { messages: [{ role: 'user', content: { type: 'text', text: `${text} ${CARE}` } }] }
}
