import test from 'ava'
import { checkImports } from '../../scripts/import-rules.ts'
import { readImports } from '../../scripts/read-imports.ts'

/** What the rules say about a project of these files, as `path:line` (messages are asked for where they matter). */
function check(project: Record<string, string>): string[] {
  return judge(project).map(({ path, line }) => `${path}:${line}`)
}

function judge(project: Record<string, string>) {
  const files = Object.entries(project).map(([path, text]) => ({ path, imports: readImports(path, text) }))
  return checkImports({ files, packages: new Set(['zod', '@standard-schema/spec']) })
}

const empty = 'export {}'
const imports = (specifier: string) => `import { x } from '${specifier}'`

test('a well-ordered project breaks no rule', (t) => {
  const project = {
    'src/base/a.ts': imports('node:fs'),
    'src/vfs/b.ts': imports('../base/a.ts'),
    'src/cleaner/c.ts': imports('../vfs/b.ts'),
    'src/engine/d.ts': `${imports('../cleaner/c.ts')}\n${imports('../query/e.ts')}`,
    'src/query/e.ts': `${imports('zod')}\n${imports('@standard-schema/spec')}`,
    'src/plugin.ts': imports('./engine/d.ts'),
    'src/open.ts': imports('../plugins/lru/index.ts'),
    'src/index.ts': imports('./open.ts'),
    'src/cli/main.ts': imports('../../plugins/lru/index.ts'),
    'plugins/lru/index.ts': `${imports('./list.ts')}\n${imports('../../src/plugin.ts')}`,
    'plugins/lru/list.ts': empty,
    'src/testing/index.ts': imports('../open.ts'),
    'examples/one/main.ts': `${imports('varve')}\n${imports('./own.ts')}`,
    'examples/one/own.ts': empty,
    'examples/third-party-cache/index.ts': imports('varve/plugin'),
    'test/any.test.ts': imports('../plugins/lru/list.ts'),
  }
  t.deepEqual(judge(project), [])
})

test('a lower room may not import a higher one', (t) => {
  const [violation, ...others] = judge({ 'src/sstable/a.ts': `\n${imports('../rowset/b.ts')}`, 'src/rowset/b.ts': empty })
  t.like(violation, { path: 'src/sstable/a.ts', line: 2, message: 'sstable/ is below rowset/ and may not know it (src/rowset/b.ts).' })
  t.is(others.length, 0)
})

test('every way of naming another file is seen: types, exports, import(), type imports and worker jobs', (t) => {
  const text = [
    "import type { A } from '../engine/b.ts'",
    "export type { A } from '../engine/b.ts'",
    "export * from '../engine/b.ts'",
    "export const later = () => import('../engine/b.ts')",
    "export type B = import('../engine/b.ts').A",
    "export const job = jobModule(import.meta.url, '../engine/b')",
    "import '../engine/b.ts'",
    '// import { x } from "../engine/b.ts"',
    'export const text = "import \'../engine/b.ts\'"',
  ].join('\n')
  t.deepEqual(
    check({ 'src/base/a.ts': text, 'src/engine/b.ts': empty }),
    [1, 2, 3, 4, 5, 6, 7].map((line) => `src/base/a.ts:${line}`),
  )
})

test('maintenance, events, cleaner and kernel know no room of storage, not even on their own floor', (t) => {
  const project = {
    'src/maintenance/a.ts': imports('../vfs/b.ts'),
    'src/events/a.ts': imports('../schema/b.ts'),
    'src/cleaner/a.ts': imports('../schema/b.ts'),
    'src/kernel/a.ts': imports('../schema/b.ts'),
    'src/vfs/b.ts': empty,
    'src/schema/b.ts': empty,
  }
  t.deepEqual(check(project), ['src/maintenance/a.ts:1', 'src/events/a.ts:1', 'src/cleaner/a.ts:1', 'src/kernel/a.ts:1'])
})

test('only src/open.ts and the command line import plugins', (t) => {
  const text = imports('../../plugins/lru/index.ts')
  t.deepEqual(check({ 'src/engine/a.ts': text, 'src/testing/a.ts': text, 'src/cli/a.ts': text, 'plugins/lru/index.ts': empty }), [
    'src/engine/a.ts:1',
    'src/testing/a.ts:1',
  ])
  t.deepEqual(check({ 'src/index.ts': imports('../plugins/lru/index.ts'), 'plugins/lru/index.ts': empty }), ['src/index.ts:1'])
})

test('a plugin imports src/plugin.ts and its own folder, not a room and not another plugin', (t) => {
  const project = {
    'plugins/lru/index.ts': `${imports('../../src/base/a.ts')}\n${imports('../lru-two/index.ts')}\n${imports('../../src/plugin.ts')}`,
    'plugins/lru-two/index.ts': empty,
    'src/base/a.ts': empty,
    'src/plugin.ts': empty,
  }
  t.deepEqual(check(project), ['plugins/lru/index.ts:1', 'plugins/lru/index.ts:2'])
})

test('rooms do not know what assembles them, and src/plugin.ts does not either', (t) => {
  const project = {
    'src/engine/a.ts': `${imports('../open.ts')}\n${imports('../testing/t.ts')}`,
    'src/plugin.ts': `${imports('./open.ts')}\n${imports('./cli/c.ts')}`,
    'src/cli/c.ts': imports('../testing/t.ts'),
    'src/testing/t.ts': empty,
    'src/open.ts': empty,
  }
  t.deepEqual(check(project), ['src/engine/a.ts:1', 'src/engine/a.ts:2', 'src/plugin.ts:1', 'src/plugin.ts:2', 'src/cli/c.ts:1'])
})

test('an example uses public names; a third-party plugin only varve/plugin', (t) => {
  const project = {
    'examples/one/main.ts': imports('../../src/index.ts'),
    'examples/third-party-cache/index.ts': imports('varve'),
    'src/index.ts': empty,
  }
  t.deepEqual(check(project), ['examples/one/main.ts:1', 'examples/third-party-cache/index.ts:1'])
})

test('what is shipped imports neither tests, nor packages that an install lacks, nor itself by name', (t) => {
  const text = [imports('../../test/t.ts'), imports('fast-check'), imports('varve/plugin'), imports('@standard-schema/other')].join('\n')
  t.deepEqual(
    check({ 'src/base/a.ts': text, 'test/t.ts': imports('fast-check') }),
    [1, 2, 3, 4].map((line) => `src/base/a.ts:${line}`),
  )
})

test('a URL of a .ts file is refused in what is shipped, for it would not exist once built', (t) => {
  t.deepEqual(check({ 'src/engine/a.ts': "new URL('./job.ts', import.meta.url)", 'src/engine/job.ts': empty }), ['src/engine/a.ts:1'])
  t.deepEqual(check({ 'src/engine/a.ts': "new URL('./data.json', import.meta.url)" }), [])
})

test('a job that names no file, and a room without a floor, are found', (t) => {
  t.deepEqual(check({ 'src/engine/a.ts': "jobModule(import.meta.url, './no-such-job')" }), ['src/engine/a.ts:1'])
  t.deepEqual(check({ 'src/newcomer/a.ts': imports('../base/b.ts'), 'src/base/b.ts': empty }), ['src/newcomer/a.ts:1'])
})

test('a circle is reported once, with its files in order', (t) => {
  const project = { 'src/base/a.ts': imports('./b.ts'), 'src/base/b.ts': imports('./c.ts'), 'src/base/c.ts': `\n${imports('./b.ts')}` }
  t.deepEqual(judge(project), [
    { path: 'src/base/c.ts', line: 2, message: 'This import closes a circle: src/base/b.ts → src/base/c.ts → src/base/b.ts.' },
  ])
})

test('source that does not parse is an error, not an empty list of imports', (t) => {
  t.throws(() => readImports('src/base/a.ts', 'import { from'), { instanceOf: SyntaxError, message: /^src\/base\/a\.ts: / })
})
