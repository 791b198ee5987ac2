import { readFile } from 'node:fs/promises'
import test from 'ava'
import { sourceFiles } from '../../scripts/source-files.ts'
import { errorCodes, VarveError, type VarveErrorCode } from '../../src/base/errors.ts'

const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (\w+) \|$/gm)].map(([, code, meaning, advice, retryable]) => ({
  code: code as VarveErrorCode,
  meaning,
  advice,
  retryable,
}))
const codes = Object.keys(errorCodes) as VarveErrorCode[]

test('docs/errors.md has every code once, and no other', (t) => {
  t.deepEqual(rows.map(({ code }) => code).toSorted(), codes.toSorted())
})

test('docs/errors.md gives each code the meaning that the source gives it', (t) => {
  t.deepEqual(Object.fromEntries(rows.map(({ code, meaning }) => [code, meaning])), errorCodes)
})

test('docs/errors.md says of each code what to do, and whether trying again may help', (t) => {
  for (const { code, advice, retryable } of rows) {
    t.true((advice ?? '').length > 10, code)
    t.is(retryable, new VarveError(code, '').retryable ? 'yes' : 'no', code)
  }
})

test('docs/errors.md names the codes that nothing raises yet: those and no others', async (t) => {
  const shipped = (await sourceFiles()).filter(({ path }) => /^(?:src|plugins)\//.test(path) && path !== 'src/base/errors.ts')
  const raised = (code: string) => shipped.some(({ text }) => text.includes(`'${code}'`))
  const listed = [...(page.split('## Not raised yet')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code)
  t.deepEqual(listed.toSorted(), codes.filter((code) => !raised(code)).toSorted())
})
