import { cleanup } from './cleanup.js'
import { health } from './health.js'
import { hibernated } from './hibernated.js'
import { idleMemory } from './idle-memory.js'
import { idleStreamable } from './idle-streamable.js'
import { manyClients } from './many-clients.js'
import { roundTrip } from './round-trip.js'
import { slowReader } from './slow-reader.js'
import { start } from './start.js'
import { stdio } from './stdio.js'
import { streamable } from './streamable.js'
import { machine, table, type Row } from './table.js'

// node --import tsx bench/index.ts [names…], after a build; without names all of them.
const benchmarks: Record<string, () => Promise<Row[]>> = {
  'round-trip': roundTrip,
  streamable,
  stdio,
  'idle-memory': idleMemory,
  'idle-streamable': idleStreamable,
  hibernated,
  'slow-reader': slowReader,
  cleanup,
  'many-clients': manyClients,
  start,
  health
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benchmarks)
const unknown = chosen.find(name => !(name in benchmarks))
if (unknown !== undefined) {
  console.error(`There is no benchmark ${unknown}: there are ${Object.keys(benchmarks).join(', ')}`)
  process.exit(1)
}

const rows: Row[] = []
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (!chosen.includes(name)) continue
  const started = performance.now()
  console.error(`${name} ...`)
  rows.push(...await benchmark())
  console.error(`${name} took ${((performance.now() - started) / 1_000).toFixed(0)} s`)
}
console.log(`\n${machine()}\n\n${table(rows)}`)
