import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { assembled, provider, refusal, says, Tea } from './support.ts'

const kernel = JSON.stringify(new URL('../../src/kernel/define-plugin.ts', import.meta.url).href)
const tokens = JSON.stringify(new URL('../../src/base/token.ts', import.meta.url).href)
const source = (name: string, exported = 'export default') =>
  `import { definePlugin } from ${kernel}
import { token } from ${tokens}
const Tea = token('Tea')
${exported} definePlugin({ name: '${name}', provides: [Tea], bind: (module) => module.provide(Tea, [], () => ({ from: '${name}' })) })\n`

let directory = ''
test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-loader-'))
  await write('default.mjs', source('by-path'))
  await write('typed.ts', source('typed').replace('const Tea', 'const unused: number = 1\nvoid unused\nconst Tea'))
  await write('named.mjs', source('named', 'export const plugin ='))
  await write('folder/index.js', source('in-folder'))
  await write('none.mjs', 'export const answer = 42\n')
  await write('two.mjs', source('one', 'export const a =') + source('two', 'export const b =').split('\n').slice(3).join('\n'))
  await write('broken.mjs', "throw new Error('no luck')\n")
  await write(
    'node_modules/tea-package/package.json',
    '{ "name": "tea-package", "type": "module", "exports": { ".": { "import": "./main.js" } } }',
  )
  await write('node_modules/tea-package/main.js', source('tea-package'))
})
test.after.always(() => rm(directory, { recursive: true, force: true }))

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true })
  await writeFile(join(directory, path), text)
}

for (const [what, entry, from, origin] of [
  ['a path relative to the directory of the configuration', './default.mjs', 'by-path', 'path'],
  ['a path without its ending', './default', 'by-path', 'path'],
  ['a directory with an index', './folder', 'in-folder', 'path'],
  ['a TypeScript file', './typed.ts', 'typed', 'path'],
  ['the only plugin that a module exports', './named.mjs', 'named', 'path'],
  ['a package that only has an import condition, looked up from the directory', 'tea-package', 'tea-package', 'package'],
] as const) {
  test(`an entry can be ${what}`, async (t) => {
    const assembly = await assembled({ plugins: [entry], directory })
    t.is(assembly.get(Tea).from, from)
    t.is(assembly.plugins.plugins[0]?.origin, origin)
  })
}

test('an entry can be a file URL, or an absolute path', async (t) => {
  t.is((await assembled({ plugins: [pathToFileURL(join(directory, 'default.mjs')).href] })).get(Tea).from, 'by-path')
  t.is((await assembled({ plugins: [join(directory, 'default.mjs')] })).get(Tea).from, 'by-path')
})

test('an entry can be a built-in plugin outside the default assembly, imported only when named', async (t) => {
  let imported = 0
  const builtIns = {
    herbal: async () => {
      imported++
      return { default: provider('herbal', Tea) }
    },
  }
  await assembled({ builtIns })
  t.is(imported, 0)
  t.is((await assembled({ builtIns, plugins: ['herbal'] })).get(Tea).from, 'herbal')
})

test('a built-in name wins over a package of that name', async (t) => {
  t.is(
    (await assembled({ defaults: [provider('tea-package', Tea)], plugins: ['tea-package'], directory })).plugins.plugins[0]?.origin,
    'built-in',
  )
})

test('an unknown name says what was tried and suggests the nearest built-in', async (t) => {
  const error = await refusal({
    defaults: [provider('lru-block-cache', Tea)],
    builtIns: { control: async () => undefined },
    plugins: ['lru-blok-cache'],
    directory,
  })
  t.true(
    says(
      error,
      'PLUGIN_NOT_FOUND',
      '"lru-blok-cache"',
      'lru-block-cache, control',
      `the package "lru-blok-cache" from ${directory}`,
      'Did you mean "lru-block-cache"?',
    ),
  )
  t.is(error.context['suggestion'], 'lru-block-cache')
})

test('an unknown name that resembles no built-in says how to install it', async (t) => {
  t.true(
    says(
      await refusal({ plugins: ['some-other-thing'], directory }),
      'PLUGIN_NOT_FOUND',
      'npm install some-other-thing',
      './some-other-thing',
    ),
  )
})

for (const [what, entry, ...parts] of [
  ['a path with nothing there', './missing', './missing', 'Tried the file', '/index.js'],
  ['a module without a plugin', './none.mjs', 'exports no plugin', 'export default definePlugin'],
  ['a module with several plugins and no default', './two.mjs', 'several plugins (one, two)'],
  ['a module that throws', './broken.mjs', 'could not be loaded: no luck'],
] as const) {
  test(`${what} is not a plugin, and the error says why`, async (t) => {
    t.true(says(await refusal({ plugins: [entry], directory }), 'PLUGIN_NOT_FOUND', entry, ...parts))
  })
}
