import { readFile } from 'node:fs/promises'
import test from 'ava'
import * as byName from 'varve/testing'
import packageJson from '../../package.json' with { type: 'json' }
import * as byPath from '../../src/testing/index.ts'

test('run from source, the public names lead to the source', (t) => {
  t.is(byName.MemoryVfs, byPath.MemoryVfs)
})

test('source and built package have the same public names, and they lead to the same files', async (t) => {
  const tsconfig = JSON.parse(await readFile(new URL('../../tsconfig.json', import.meta.url), 'utf8')) as {
    compilerOptions: { paths: Record<string, string[]> }
  }
  const { './package.json': _, ...entries } = packageJson.exports
  const fromSource = Object.entries(tsconfig.compilerOptions.paths).map(([name, [path]]) => [name.replace('varve', '.'), path])
  const fromBuild = Object.entries(entries).map(([name, { default: path }]) => [name, path.replace(/^\.\/dist\/(.*)\.js$/, './$1.ts')])
  t.deepEqual(fromBuild.sort(), fromSource.sort())
  for (const { types, default: code } of Object.values(entries)) t.is(types, code.replace(/\.js$/, '.d.ts'))
})
