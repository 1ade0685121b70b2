/** The threshold of a city that upstream gives none for, in m³/s. */
export const DEFAULT_FLOW_THRESHOLD = 220

/** From here on the flow is elevated whatever the city's threshold says, in m³/s. */
const HIGHEST_THRESHOLD = 300

interface Row {
  level: number
  /** Flows below this many m³/s are of this level; `threshold` is the city's own. */
  below: number | 'threshold' | null
  assessment: string
  warning: string | null
}

const UNKNOWN: Row = { level: 0, below: null, assessment: 'Unknown - no flow data', warning: null }
const EXTREME: Row = { level: 5, below: null, assessment: 'Very high - extremely dangerous, avoid swimming', warning: 'Extreme danger' }

const MEASURED: readonly Row[] = [
  { level: 1, below: 100, assessment: 'Safe - low flow', warning: null },
  { level: 2, below: 'threshold', assessment: 'Moderate - safe for experienced swimmers', warning: null },
  { level: 3, below: HIGHEST_THRESHOLD, assessment: 'Elevated - caution advised', warning: 'Caution' },
  { level: 4, below: 430, assessment: 'High - dangerous conditions', warning: 'Danger' },
  EXTREME
]

/** The one table of danger levels by flow, lowest first. Levels 1 to 5 are numbered like the official ones of BAFU. */
export const DANGER_TABLE: readonly Readonly<Row>[] = [UNKNOWN, ...MEASURED]

export interface FlowReading {
  /** m³/s, or null if there is no value. */
  flow: number | null
  /** The city's threshold in m³/s (`flow_scale_threshold`), or null for the default. */
  threshold: number | null
  /** The official level (`flow_gefahrenstufe`), 1 to 5, or null. */
  official: number | null
}

export interface Danger {
  /** 0 (unknown) to 5: ours, or the official level if that is higher. */
  level: number
  /** False without a usable flow: then a low official level vouches for nothing, it is about floods and not about swimmers. */
  measured: boolean
  assessment: string
  /** Set for the levels 3, 4 and 5. */
  warning: string | null
  /** The city's threshold that was used, in m³/s. */
  threshold: number
  /** The official level as upstream gave it. */
  official: number | null
}

/** Says how dangerous a flow is. Every tool and resource that speaks of danger asks here. */
export function assessDanger ({ flow, threshold, official }: FlowReading): Danger {
  const usedThreshold = threshold !== null && threshold > 0 ? threshold : DEFAULT_FLOW_THRESHOLD
  const ours = rowOfFlow(flow, usedThreshold)
  const row = official !== null && official > ours.level ? rowOfLevel(official) : ours
  const measured = ours !== UNKNOWN
  const assessment = measured || row.warning !== null ? row.assessment : UNKNOWN.assessment
  return { level: row.level, measured, assessment, warning: warningOf(row, ours, flow), threshold: usedThreshold, official }
}

function rowOfFlow (flow: number | null, threshold: number): Row {
  // A negative flow is a broken sensor, not a calm river.
  if (flow === null || flow < 0) return UNKNOWN
  // A city's threshold may move the border between 2 and 3, never make a flow of 300 or more a moderate one.
  const border = Math.min(threshold, HIGHEST_THRESHOLD)
  return MEASURED.find(({ below }) => below !== null && flow < (below === 'threshold' ? border : below)) ?? EXTREME
}

function rowOfLevel (level: number): Row {
  return MEASURED.find(row => row.level >= level) ?? EXTREME
}

function warningOf (row: Row, ours: Row, flow: number | null): string | null {
  if (row.warning === null) return null
  const measured = ours === UNKNOWN ? 'no flow data' : `flow ${flow} m³/s`
  const source = row === ours ? measured : `official danger level ${row.level}, ${measured}`
  return `${row.warning}: ${row.assessment} (${source})`
}
