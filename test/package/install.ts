import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

/** The repository. */
export const root = path.resolve(import.meta.dirname, '../..')

const NOT_COPIED = new Set(['node_modules', '.git', '.tap', 'dist'])

/** What a developer has that a user of the package has not; `typescript` and Node's types are there for a user's own build. */
const WITH_IT = ['typescript', '@types/node']

/** Runs a program of Node's, without anything of this process that would slow it or change it. */
export async function node (cwd: string, ...args: string[]): Promise<string> {
  return await execute(process.execPath, args, cwd)
}

async function execute (file: string, args: string[], cwd: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: cwd, npm_config_offline: 'true', npm_config_update_notifier: 'false' }
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, { cwd, env })
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string, stderr: string }
    throw new Error(`${file} ${args.join(' ')}: ${stdout}${stderr}`, { cause: error })
  }
}

/** The package as it would be published. */
export interface Installed {
  tarball: string
  /** Paths in the tarball. */
  files: string[]
  /** A project that has installed the package, and nothing else but what the package asks for. */
  project: string
  /** The package in it. */
  package: string
}

/**
 * Builds and packs a copy of the repository, as other tests use this one's `dist`, and installs it as `npm install` would,
 * but without a network: what the package depends on is linked from here.
 */
export async function install (t: Test, projectFiles: Record<string, string>): Promise<Installed> {
  // Far from this repository, whose `node_modules` would be found from any folder inside.
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-package-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const copy = path.join(folder, 'copy')
  const project = path.join(folder, 'project')
  const modules = path.join(project, 'node_modules')
  const installed = path.join(modules, 'mcp-weir')

  const isCopied = (source: string) => !NOT_COPIED.has(path.relative(root, source).split(path.sep)[0] ?? '')
  await cp(root, copy, { recursive: true, filter: isCopied })
  await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'))
  // The sources are type-checked elsewhere.
  await node(copy, path.join(root, 'node_modules/typescript/lib/tsc.js'), '-p', 'tsconfig.build.json', '--noCheck')
  const [packed] = JSON.parse(await execute('npm', ['pack', '--ignore-scripts', '--json'], copy)) as [{ filename: string, files: { path: string }[] }]
  const tarball = path.join(copy, packed.filename)

  await mkdir(installed, { recursive: true })
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed], copy)
  const { dependencies } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  for (const name of [...Object.keys(dependencies), ...WITH_IT]) {
    await mkdir(path.dirname(path.join(modules, name)), { recursive: true })
    await symlink(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  for (const [name, text] of Object.entries(projectFiles)) await writeFile(path.join(project, name), text)
  return { tarball, files: packed.files.map(file => file.path), project, package: installed }
}
