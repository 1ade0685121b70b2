import { statSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { errors } from '../errors.js'
import type { CreateServer } from '../options.js'

const HOW = 'export default a function that builds a new server at each call'

export interface LoadServerOptions {
  /** The module as people named it, for errors; `file` by default. */
  name?: string
  /** How a module is loaded, `import()` by default. */
  importModule?: (url: string) => Promise<{ default?: unknown }>
}

/**
 * The `createServer` that a module exports by default: ES module, CommonJS, or TypeScript where Node runs that by itself.
 * @throws WEIR_ERR_NOT_SERVABLE with one line in `detail`: the file, and what is wrong with it.
 */
export async function loadServer (file: string, { name = file, importModule = url => import(url) as Promise<{ default?: unknown }> }: LoadServerOptions = {}): Promise<CreateServer> {
  const absolute = path.resolve(file)
  const found = statSync(absolute, { throwIfNoEntry: false })
  if (found === undefined) throw errors.notServable(`${name}: there is no such file${/[\\/.]/.test(name) ? '' : '; a command comes after --'}`)
  if (!found.isFile()) throw errors.notServable(`${name}: it is not a file; name the module itself, such as ${path.join(name, 'index.js')}`)
  return createServerOf(await load(), name)

  async function load (): Promise<{ default?: unknown }> {
    try {
      return await importModule(pathToFileURL(absolute).href)
    } catch (error) {
      throw errors.notServable(`${name}: ${whyNot(error, absolute)}`)
    }
  }
}

/** CommonJS comes as `{ default: module.exports }`, and what was compiled to it as `{ default: { default: … } }`. */
function createServerOf (module: { default?: unknown }, name: string): CreateServer {
  const exported = isObject(module.default) && 'default' in module.default ? module.default.default : module.default
  if (typeof exported === 'function') return exported as CreateServer
  if (isObject(exported) && typeof exported['connect'] === 'function') throw errors.notServable(`${name}: its default export is a server, which serves one session only; ${HOW}`)
  const what = exported === undefined || (isObject(exported) && Object.keys(exported).length === 0) ? 'it has no default export' : `its default export is no function but ${typeof exported === 'object' ? 'an object' : `a ${typeof exported}`}`
  throw errors.notServable(`${name}: ${what}; ${HOW}`)
}

function whyNot (error: unknown, file: string): string {
  const { code, message = String(error), stack = '' } = isObject(error) ? error as Partial<NodeJS.ErrnoException> : {}
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return /\.[cm]?tsx?$/.test(file)
      ? `Node ${process.version} does not run TypeScript; use Node 22.18 or later, or compile it, or: NODE_OPTIONS='--import tsx'`
      : 'Node runs .js, .mjs and .cjs'
  }
  // Where it happened, if that is in the file itself: the rest of the stack says little to who wrote it.
  const [place] = [pathToFileURL(file).href, file].flatMap(where => stack.split(where)[1]?.match(/^(?::\d+){1,2}/)?.[0] ?? [])
  return `it failed to load${place === undefined ? '' : ` at ${path.basename(file)}${place}`}: ${message.trim().replaceAll(/\s*[\r\n]+\s*/g, ' ')}`
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
