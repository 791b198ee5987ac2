import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { resolveConfig } from '../../src/kernel/config.ts'
import { loadConfig } from '../../src/kernel/load-config.ts'

let root = ''
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'varve-config-'))
})
test.after.always(() => rm(root, { recursive: true, force: true }))

async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(root, 'project-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
  return directory
}

for (const [name, text] of [
  ['varve.config.json', '{ "directory": "data", "durability": "sync" }'],
  ['varve.config.yaml', 'directory: data\ndurability: sync\n'],
  ['varve.config.mjs', "export default { directory: 'data', durability: 'sync' }"],
  ['varve.config.js', "module.exports = { directory: 'data', durability: 'sync' }"],
  ['varve.config.ts', "const durability: string = 'sync'\nexport default { directory: 'data', durability }"],
  ['package.json', '{ "name": "x", "varve": { "directory": "data", "durability": "sync" } }'],
] as const) {
  test(`${name} is found, and its directory is relative to it`, async (t) => {
    const directory = await project({ [name]: text })
    const config = await loadConfig(directory)
    t.is(config.directory, join(directory, 'data'))
    t.is(config.durability, 'sync')
  })
}

test('the configuration of a directory above is found, and plugins are looked for beside it, even from a spread copy', async (t) => {
  const directory = await project({ 'varve.config.json': '{ "directory": "data", "plugins": ["./cache.js"] }' })
  await mkdir(join(directory, 'deep/er'), { recursive: true })
  const config = await loadConfig(join(directory, 'deep/er'))
  t.is(config.directory, join(directory, 'data'))
  t.is(resolveConfig({ ...config, readOnly: true }).configDirectory, directory)
})

test('a configuration file wins over package.json', async (t) => {
  const directory = await project({ 'package.json': '{ "varve": { "directory": "b" } }', 'varve.config.json': '{ "directory": "a" }' })
  t.is((await loadConfig(directory)).directory, join(directory, 'a'))
})

test('no configuration anywhere says what was looked for', async (t) => {
  const directory = await project({ 'package.json': '{ "name": "x" }' })
  const error = await t.throwsAsync(loadConfig(directory), { code: 'CONFIG_NOT_FOUND' })
  for (const part of [directory, 'varve.config.ts', 'package.json', '"directory"']) t.true(error?.message.includes(part))
})

for (const [what, name, text, expected] of [
  [
    'a mistyped key',
    'varve.config.json',
    '{ "directry": "data" }',
    /varve\.config\.json.*"directry" is not a known key.*Did you mean "directory"\?/s,
  ],
  ['broken JSON', 'varve.config.json', '{ "directory": ', /varve\.config\.json could not be loaded/],
  ['broken YAML', 'varve.config.yaml', 'directory: [', /varve\.config\.yaml could not be loaded/],
  ['a module that throws', 'varve.config.mjs', "throw new Error('no luck')", /varve\.config\.mjs could not be loaded: no luck/],
  [
    'a module without a default export',
    'varve.config.mjs',
    'export const config = {}',
    /varve\.config\.mjs.*must be an object.*found nothing/,
  ],
  ['an empty file', 'varve.config.json', '', /varve\.config\.json.*must be an object.*found nothing/],
] as const) {
  test(`${what} is refused with the name of the file`, async (t) => {
    await t.throwsAsync(loadConfig(await project({ [name]: text })), { code: 'CONFIG_INVALID', message: expected })
  })
}
