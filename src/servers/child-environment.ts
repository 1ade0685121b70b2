import { DEFAULT_INHERITED_ENV_VARS } from '@modelcontextprotocol/sdk/client/stdio.js'
import { errors } from '../errors.js'

/** What every child gets: what a shell needs, as the SDK has it, and what says how text, time and temporary files are to be. */
export const inheritedVariables = [...DEFAULT_INHERITED_ENV_VARS, 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']

export interface ChildEnvironmentOptions {
  /** Where variables are taken from. */
  env: NodeJS.ProcessEnv
  /** Variables that are set, by name. */
  set?: Readonly<Record<string, string>>
  /** Names of variables that are passed on. */
  pass?: readonly string[]
}

/**
 * The whole environment of a child: Weir's own keys, and all else that was not asked for, stay out of it.
 * @throws WEIR_ERR_USAGE for a variable that is to be passed on and is not set.
 */
export function childEnvironment ({ env, set = {}, pass = [] }: ChildEnvironmentOptions): Record<string, string> {
  const inherited = inheritedVariables.flatMap(name => {
    const value = env[name]
    // What begins so is a function of a shell's, and none of ours.
    return value === undefined || value.startsWith('()') ? [] : [[name, value] as const]
  })
  const passed = pass.map(name => {
    const value = env[name]
    if (value === undefined) throw errors.usage(`--pass-env ${name}: it is not set, neither in the environment nor in .env`)
    return [name, value] as const
  })
  return { ...Object.fromEntries([...inherited, ...passed]), ...set }
}
