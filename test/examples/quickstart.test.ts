import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { runExample } from '../support/run-example.ts'

const root = new URL('../../', import.meta.url)

test('the 20 lines of the README are the program in examples/quickstart', async (t) => {
  const readme = await readFile(new URL('README.md', root), 'utf8')
  const program = await readFile(new URL('examples/quickstart/main.ts', root), 'utf8')
  const block = /```ts\n(import [\s\S]*?)```/.exec(readme)?.[1]
  t.is(block, program)
  t.is(program.trimEnd().split('\n').length, 20)
})

test('the quickstart runs, and runs again on the database that it left', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-quickstart-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const first = await runExample('quickstart/main.ts', [], directory)
  t.is(first.exitCode, 0, first.stderr)
  t.regex(first.stdout, /^\{ sensor: 'attic', at: \d+, celsius: 30\.5 \} was \{ sensor: 'attic', at: \d+, celsius: 31\.5 \}\n12\.75\n/)
  t.regex(first.stdout, /'attic' +│ 1 +│ 30\.5 /)
  t.regex(first.stdout, /'cellar' +│ 1 +│ 12\.75 /)
  const second = await runExample('quickstart/main.ts', [], directory)
  t.is(second.exitCode, 0, second.stderr)
  t.regex(second.stdout, /'cellar' +│ 2 +│ 12\.75 /)
})
