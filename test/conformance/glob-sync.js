import fs from 'node:fs'
import { register } from 'node:module'

// Preloaded into a suite's process. The suites import `globSync` of fs, which Node 20 lacks; only their command `tier-check` calls it.
if (!('globSync' in fs)) {
  const withGlobSync = dataUrl("export * from 'node:fs'; export { default } from 'node:fs'; export const globSync = () => { throw new Error('fs.globSync is not in Node 20') }")
  register(dataUrl(`export const resolve = (specifier, context, next) => specifier === 'fs' ? { url: ${JSON.stringify(withGlobSync)}, shortCircuit: true } : next(specifier, context)`))
}

function dataUrl (source) {
  return `data:text/javascript,${encodeURIComponent(source)}`
}
