import { readFile } from 'node:fs/promises'
import test from 'ava'
import packageJson from '../../package.json' with { type: 'json' }

test('the package is an ES module for the oldest Node that is supported', (t) => {
  t.is(packageJson.type, 'module')
  t.is(packageJson.license, 'Apache-2.0')
  t.is(packageJson.engines.node, '>=20.19.0')
})

test('the lock file names no registry and has a checksum for every package', async (t) => {
  const lock = await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')
  t.notRegex(lock, /"resolved": "http/)
  const { packages } = JSON.parse(lock) as { packages: Record<string, { integrity?: string }> }
  const unchecked = Object.keys(packages).filter((path) => path !== '' && packages[path]?.integrity === undefined)
  t.deepEqual(unchecked, [])
})

test('the lock file knows every optional package, without which npm ci refuses it', async (t) => {
  const lock = await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')
  const { packages } = JSON.parse(lock) as { packages: Record<string, { optionalDependencies?: Record<string, string> }> }
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`]),
  )
  t.deepEqual(missing, [])
})
