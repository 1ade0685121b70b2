/** What stands where a secret was. */
export const MASK = '***'

/** Names of flags, variables, headers and query parameters whose value nobody else should read. */
const SECRET_NAME = '[\\w.-]*?(?:api[-_]?key|access[-_]?key|private[-_]?key|token|secret|passw(?:or)?d|passphrase|pwd|credentials?|authorization|auth|bearer|cookie|connection[-_]?string|dsn|(?<![a-z])key|(?<![a-z])pat)'

/** A flag whose value is the next word. */
const secretFlag = new RegExp(`^--?${SECRET_NAME}$`, 'i')

/** `name=value`, `--name value` and `Name: value` within a text. A quoted value ends with its quote, a header's with the text. */
const assigned = new RegExp(`(\\b${SECRET_NAME})(\\s*=\\s*|["']\\s*:\\s*|\\s*:\\s+)("[^"]*"|'[^']*'|(?:(?:bearer|basic)\\s+)?[^\\s&"',;]+)`, 'gi')
const flagged = new RegExp(`((?<![\\w-])--?${SECRET_NAME}\\s+)("[^"]*"|'[^']*'|[^\\s"'-][^\\s"']*)`, 'gi')

/** The name and password of a URL (RFC 3986, section 3.2.1). */
const userInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]+@/gi

/** `Bearer …` (RFC 6750) and `Basic …` (RFC 7617). */
const scheme = /\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi

/** Tokens by the look that their issuers gave them: OpenAI and Anthropic, GitHub, GitLab, Slack, AWS, Google, npm; and JWTs. */
const known = /\b(?:sk-[\w-]{8,}|gh[a-z]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}|AKIA[A-Z0-9]{12,}|AIza[\w-]{24,}|npm_\w{24,}|eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?)/g

/** A long word of letters and at least three digits: made by a machine, and so perhaps a key. */
const machineMade = /(?<![\w./@-])(?=(?:[\w-]*\d){3})(?=[\w-]*[a-z])[\w-]{32,}={0,2}(?![\w./])/gi

/** Takes what looks like a credential out of a text. It masks rather too much than too little. */
export function maskText (text: string): string {
  return text
    .replaceAll(userInfo, `$1${MASK}@`)
    .replaceAll(assigned, `$1$2${MASK}`)
    .replaceAll(flagged, `$1${MASK}`)
    .replaceAll(scheme, `$1 ${MASK}`)
    .replaceAll(known, MASK)
    .replaceAll(machineMade, MASK)
}

/** The same for the words of a command line, where a secret may be the word after its flag. */
export function maskArguments (args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const flag = args[index - 1]
    return flag !== undefined && secretFlag.test(flag) && !arg.startsWith('-') ? MASK : maskText(arg)
  })
}

/** A command in one line for people, masked: a word with blanks or quotes in it is quoted. */
export function describeCommand ({ command, args }: { command: string, args: readonly string[] }): string {
  return [command, ...maskArguments(args)].map(word => /^[^\s"'\\]+$/.test(word) ? word : JSON.stringify(word)).join(' ')
}
