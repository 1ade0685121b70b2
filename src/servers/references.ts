/**
 * Resolves `${…}` as the clients that share the file do: `${env:NAME}` (VS Code, Cursor), `${NAME}` and `${NAME:-default}` (Claude
 * Code), and their own names such as `${workspaceFolder}`. What a variable holds is taken as it is.
 * The returned function throws an Error that says which reference has nothing to stand for.
 */
export function references (env: NodeJS.ProcessEnv, named: Readonly<Record<string, string>>): (text: string) => string {
  return text => text.replaceAll(/\$\{([^{}]*)\}/g, (reference, inner: string) => {
    const own = named[inner]
    if (own !== undefined) return own
    const [, name, , fallback] = /^(?:env:)?([A-Za-z_]\w*)(:-(.*))?$/.exec(inner) ?? []
    if (name !== undefined) {
      const value = env[name]
      // As in a shell: the default also stands for what is set to nothing.
      if (fallback !== undefined && (value === undefined || value === '')) return fallback
      if (value === undefined) throw new Error(`${reference}: the variable ${name} is not set`)
      return value
    }
    if (inner.startsWith('input:')) throw new Error(`${reference}: there is nobody to ask; use \${env:NAME}`)
    throw new Error(`${reference}: only \${env:NAME}, \${NAME}, \${NAME:-default}, ${Object.keys(named).map(key => `\${${key}}`).join(', ')} are known`)
  })
}
