import test from 'ava'
import { sourceFiles } from '../../scripts/source-files.ts'

const sources = await sourceFiles()

/** Lines of all files that match, as `path:line`. */
function linesThat(matches: (line: string) => boolean, files = sources): string[] {
  return files.flatMap(({ path, text }) => text.split('\n').flatMap((line, index) => (matches(line) ? [`${path}:${index + 1}`] : [])))
}

test('the files that the style is checked on are there', (t) => {
  t.true(sources.some(({ path }) => path === 'src/base/errors.ts'))
  t.true(sources.some(({ path }) => path === 'test/package/style.test.ts'))
})

test('no file is over 500 lines, and most of what is shipped are under 150', (t) => {
  const lengths = sources.map(({ path, text }) => ({ path, lineCount: text.split('\n').length }))
  t.deepEqual(
    lengths.filter(({ lineCount }) => lineCount > 500),
    [],
  )
  const shipped = lengths.filter(({ path }) => path.startsWith('src/') || path.startsWith('plugins/'))
  const short = shipped.filter(({ lineCount }) => lineCount < 150)
  t.true(short.length > shipped.length / 2, `${short.length} of ${shipped.length} files are under 150 lines`)
})

test('names of files are kebab-case and do not hide behind a class of thing', (t) => {
  const kebab = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|config))?\.ts$/
  const vague = /(?:^|[/-])(?:utils?|helpers?|misc|common|impl)(?:[./-]|$)/
  t.deepEqual(
    sources.map(({ path }) => path).filter((path) => !kebab.test(path) || vague.test(path)),
    [],
  )
})

test('nothing is left to be done later in a comment', (t) => {
  const left = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X'.repeat(3)].join('|')})\\b`)
  t.deepEqual(
    linesThat((line) => left.test(line)),
    [],
  )
})

test('the compiler is not silenced', (t) => {
  const silenced = new RegExp(`@ts-(?:ignore|nocheck)|\\b${'as'} any\\b|\\b${'as'} never as\\b`)
  t.deepEqual(
    linesThat((line) => silenced.test(line)),
    [],
  )
})

test('interfaces and implementations are named for what they are', (t) => {
  const prefixed = /^export (?:interface I[A-Z][a-z]|(?:abstract )?class \w+Impl\b)/
  t.deepEqual(
    linesThat((line) => prefixed.test(line)),
    [],
  )
})

test('sections are files, not banners in a file', (t) => {
  const banner = /^\s*(?:\/\/|\*)\s*(?:[-=*#─━]{4,}|\/{4,})/
  t.deepEqual(
    linesThat((line) => banner.test(line)),
    [],
  )
})

test('no path of one machine reaches a file', (t) => {
  const absolute = new RegExp(`['"\`(](?:file://)?/(?:${['home', 'root', 'work', 'Users'].join('|')})/`)
  t.deepEqual(
    linesThat((line) => absolute.test(line)),
    [],
  )
})
