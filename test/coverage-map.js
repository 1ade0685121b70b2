import { readdirSync } from 'node:fs'

const sources = readdirSync('src', { recursive: true }).filter(name => name.endsWith('.ts')).map(name => `src/${name}`)

/** Every test may cover every source, and nothing but the sources counts. */
export default () => sources
