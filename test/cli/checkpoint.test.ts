import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { workspace } from './run-cli.ts'

test('checkpoint makes a copy that the other commands read, and refuses a directory that holds something', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), `id,s\n${Array.from({ length: 300 }, (_, i) => `${i},x`).join('\n')}\n`)
  t.is((await varve('import', 'a.csv', '-t', 'a')).code, 0)
  const made = await varve('checkpoint', 'backup/monday')
  t.is(made.code, 0, made.err)
  t.regex(made.out, /^Checkpoint in .*monday: \d+ files, [\d.,]+ MiB linked and [\d.,]+ MiB copied\.\n$/)
  t.is((await varve('verify', '-d', 'backup/monday')).code, 0)
  t.deepEqual(
    (await varve('scan', '-d', 'backup/monday', '--csv', '--order', 'key')).out,
    (await varve('scan', '--csv', '--order', 'key')).out,
  )
  const before = readdirSync(path('backup/monday')).sort()
  const again = await varve('checkpoint', 'backup/monday')
  t.is(again.code, 1)
  t.regex(again.err, /^error DIRECTORY_NOT_EMPTY: .*monday cannot take a checkpoint: it holds .*Choose another one\./)
  t.deepEqual(readdirSync(path('backup/monday')).sort(), before)
  const json = JSON.parse((await varve('checkpoint', 'other', '--json')).out)
  t.is(json.directory, path('other'))
  t.true(json.fileCount > 3)
})

test('checkpoint of what is no database makes nothing', async (t) => {
  const { path, varve } = workspace(t)
  const { code, err } = await varve('checkpoint', 'copy', '-d', 'missing')
  t.is(code, 1)
  t.regex(err, /^error DATABASE_NOT_FOUND/)
  t.false(existsSync(path('copy')))
  t.is((await varve('checkpoint')).code, 2)
})
