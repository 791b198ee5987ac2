import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import anyTest, { type TestFn } from 'ava'
import packageJson from '../../package.json' with { type: 'json' }

/** `npm pack`, then an empty project that the tarball is installed into. */
const test = anyTest as TestFn<{ directory: string; app: string }>

const root = fileURLToPath(new URL('../../', import.meta.url))
const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url))
const npmFlags = ['--no-audit', '--no-fund', '--loglevel=error']

/** What npm tells its scripts about this project must not reach the npm of another. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|command|config_local_prefix)|INIT_CWD|NODE_OPTIONS)/.test(name),
  ),
)

/** Runs a program to its end and resolves with what it printed; what it complained of is in the error when it fails. */
async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: environment, maxBuffer: 1 << 26 }).catch((error) => {
    throw new Error(`${command} ${args.join(' ')} failed:\n${error.stdout}\n${error.stderr}`)
  })
  return stdout
}

test.before(async (t) => {
  t.timeout(180_000)
  const directory = await mkdtemp(join(tmpdir(), 'varve-pack-'))
  const app = join(directory, 'app')
  t.context = { directory, app }
  await run(root, 'npm', ['pack', '--pack-destination', directory, ...npmFlags])
  const tarball = (await readdir(directory)).find((name) => name.endsWith('.tgz'))
  await mkdir(app)
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  await run(app, 'npm', ['install', '--prefer-offline', '--ignore-scripts', ...npmFlags, `../${tarball}`])
})

test.after.always((t) => rm(t.context.directory, { recursive: true, force: true }))

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
}

test('the package holds what is built, and nothing that only its makers need', async (t) => {
  const files = (await filesIn(join(t.context.app, 'node_modules/varve'))).filter((path) => !path.startsWith('node_modules/'))
  for (const path of ['LICENSE', 'CHANGELOG.md', 'docs/cli.md', 'README.md', 'dist/src/index.js', 'dist/src/index.d.ts'])
    t.true(files.includes(path), path)
  const kept = /^(?:dist\/(?:src|plugins)\/.*\.(?:js|js\.map|d\.ts)|docs\/.*\.md|LICENSE|README\.md|CHANGELOG\.md|package\.json)$/
  t.deepEqual(
    files.filter((path) => !kept.test(path)),
    [],
  )
})

test('no compiled file names a TypeScript file or this machine', async (t) => {
  const installed = join(t.context.app, 'node_modules/varve')
  const built = (await filesIn(join(installed, 'dist'))).filter((path) => path.endsWith('.js') || path.endsWith('.d.ts'))
  const offending: string[] = []
  for (const path of built) {
    const text = await readFile(join(installed, 'dist', path), 'utf8')
    // Declarations may: the compiler resolves './x.ts' in one to './x.d.ts', as the test of the declarations shows.
    const namesSource = path.endsWith('.js') && /(?:from|import\() ?['"]\.[^'"]*(?<!\.d)\.ts['"]/.test(text)
    if (namesSource || text.includes(root)) offending.push(path)
  }
  t.true(built.length > 50)
  t.deepEqual(offending, [])
})

test('a plain JavaScript program opens a database, and worker threads run the compiled flush', async (t) => {
  t.timeout(60_000)
  await copyFile(join(fixtures, 'installed-program.js'), join(t.context.app, 'program.js'))
  const found = JSON.parse(await run(t.context.app, process.execPath, ['program.js']))
  t.like(found, { inserted: 200_000, count: 200_000, total: (200_000 * 199_999) / 4, failures: [] })
  t.deepEqual(found.row, { id: 123_456, value: 61_728, place: 'place 6' })
  t.true(found.flushes.length > 0)
  for (const flush of found.flushes) t.true(flush.error === undefined && flush.files > 0, JSON.stringify(flush))
  t.true(found.workersAfterFlush > 0, 'the flush started a worker thread')
  t.false(found.entries.includes('undefined'), 'every entry point exports what it promises')
})

test('the declarations of the installed package type a program', async (t) => {
  t.timeout(60_000)
  await copyFile(join(fixtures, 'installed-types.ts'), join(t.context.app, 'types.ts'))
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  const flags =
    '--noEmit --strict --exactOptionalPropertyTypes --target es2023 --module nodenext --lib es2024,esnext.disposable,esnext.array --skipLibCheck'
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  t.is(await run(t.context.app, process.execPath, [join(typescript, 'bin/tsc'), ...flags.split(' '), ...types, 'types.ts']), '')
  // Nor does a program need libraries of its own for the declarations, which say what can be disposed of.
  await writeFile(
    join(t.context.app, 'plain.ts'),
    [...['', '/plugin', '/testing', '/conformance'].map((name) => `import 'varve${name}'`), ''].join('\n'),
  )
  const plain = '--noEmit --strict --target es2022 --module nodenext'.split(' ')
  t.is(await run(t.context.app, process.execPath, [join(typescript, 'bin/tsc'), ...plain, 'plain.ts']), '')
})

test('the command runs', async (t) => {
  const command = join(t.context.app, 'node_modules/.bin/varve')
  t.is((await run(t.context.app, command, ['--version'])).trim(), packageJson.version)
  t.regex(await run(t.context.app, command, ['--help']), /Usage: varve/)
})
