import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { errorCodes } from '../../src/base/errors.ts'
import { open } from '../../src/open.ts'
import { gte } from '../../src/query/predicate.ts'
import { int32 } from '../../src/schema/columns.ts'
import { defineTable } from '../../src/schema/table-definition.ts'
import { runIn, workspace } from './run-cli.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

test('init writes a configuration that works, and never overwrites one', async (t) => {
  const { directory, varve, path } = workspace(t)
  const fresh = join(directory, 'fresh')
  mkdirSync(fresh)
  const { out, err } = await runIn(fresh, ['init', '-d', './store'])
  t.regex(out, /Wrote varve\.config\.json/, err)
  t.is(JSON.parse(readFileSync(join(fresh, 'varve.config.json'), 'utf8')).directory, './store')
  const before = readFileSync(path('varve.config.json'), 'utf8')
  const again = await varve('init')
  t.is(again.code, 1)
  t.regex(again.err, /is there already and was not changed/)
  t.is(readFileSync(path('varve.config.json'), 'utf8'), before)
})

test('usage errors have exit code 2, name the nearest and say where to read on', async (t) => {
  const { varve } = workspace(t)
  const cases: [string[], RegExp][] = [
    [['scan', '--tabel', 'x'], /^error USAGE: Unknown option '--tabel'\. Did you mean --table\? See varve scan --help\.\n$/],
    [['scna'], /^error USAGE: Unknown command 'scna'\. Did you mean scan\? See varve --help\.\n$/],
    [['import', 'x.csv'], /required option '-t, --table <name>' not specified/i],
    [['import', '-t', 'x'], /missing required argument 'file'/i],
    [['scan', '--limit', 'many'], /Give a whole number of at least 0/],
    [['scan', '--order', 'up'], /choices are key, any/i],
    [['scan', '--json', '--csv'], /cannot be used with/],
    [['get', '1', '2'], /too many arguments/i],
    [['import', 'x.bin', '-t', 'x'], /ends in none of/],
  ]
  for (const [argv, expected] of cases) {
    const { code, err, out } = await varve(...argv)
    t.is(code, 2, argv.join(' '))
    t.is(out, '')
    t.regex(err, expected)
    t.is(err.split('\n').length, 2, err)
  }
})

test('each command has help with an example', async (t) => {
  const { varve } = workspace(t)
  const { out, code } = await varve('--help')
  t.is(code, 0)
  const names = [...out.matchAll(/^ {2}([a-z]+) \[/gm)].map(([, name]) => name as string).filter((name) => name !== 'help')
  t.deepEqual(names, [
    'init',
    'import',
    'scan',
    'get',
    'stats',
    'compact',
    'rowsets',
    'inspect',
    'verify',
    'maintenance',
    'checkpoint',
    'plugins',
  ])
  for (const name of names) {
    const help = await varve(name, '--help')
    t.is(help.code, 0)
    t.regex(help.out, new RegExp(`Examples?:\\n {2}\\$ varve ${name}`), name)
    t.regex(help.out, /--json/)
  }
  t.regex((await varve('--version')).out, /^\d+\.\d+\.\d+/)
})

test('what is not a database is said to be none, by every command that reads one', async (t) => {
  const { path, varve } = workspace(t)
  mkdirSync(path('empty'))
  mkdirSync(path('other'))
  writeFileSync(path('other/letter.txt'), 'hello')
  for (const command of [['scan'], ['get', '1'], ['stats'], ['rowsets'], ['compact'], ['verify'], ['maintenance']]) {
    for (const directory of ['missing', 'empty', 'other', 'varve.config.json']) {
      const { code, err } = await varve(...command, '-d', directory)
      t.is(code, 1, command.join(' '))
      t.regex(err, /^error DATABASE_NOT_FOUND: .* is not a database: /)
    }
  }
  t.deepEqual(readdirSync(path('empty')), [])
})

test('a directory that is open elsewhere is refused with the holder’s process id', async (t) => {
  const { path, varve } = workspace(t)
  const db = await open(path('data'))
  for (const command of [['scan'], ['stats'], ['verify'], ['maintenance']]) {
    const { code, err } = await varve(...command)
    t.is(code, 1)
    t.regex(err, new RegExp(`^error DATABASE_LOCKED: .*process ${process.pid} on `))
  }
  const lock = await varve('inspect', 'data/LOCK')
  t.is(lock.code, 0)
  t.regex(lock.out, new RegExp(`process +${process.pid} on `))
  t.regex(lock.out, /running: the database is open there/)
  await db.close()
})

test('inspect shows a delta file as what it is', async (t) => {
  const { path, varve } = workspace(t)
  const db = await open({ directory: path('data') })
  const table = await db.createTable(defineTable('a', { columns: { id: int32(), n: int32() }, primaryKey: ['id'] }))
  await table.insert([1, 2, 3].map((id) => ({ id, n: id })))
  await db.flush()
  await table.update([1, 3].map((id) => ({ id, n: -1 })))
  await db.close({ flush: true })
  const [name] = readdirSync(path('data')).filter((each) => each.endsWith('.delta'))
  const { code, out } = await varve('inspect', `data/${name}`, '--blocks')
  t.is(code, 0)
  t.regex(out, /kind +delta file, an SSTable of changes/)
  t.regex(out, /changes +2,/)
  t.regex(out, /\$time/)
})

test('errors are JSON with --json, with their context', async (t) => {
  const { varve } = workspace(t)
  const { code, err, out } = await varve('stats', '-d', 'nowhere', '--json')
  t.is(code, 1)
  t.is(out, '')
  const { error } = JSON.parse(err)
  t.is(error.code, 'DATABASE_NOT_FOUND')
  t.true(error.code in errorCodes)
  t.regex(error.context.directory, /nowhere$/)
  t.regex((await varve('stats', '-d', 'nowhere', '--debug')).err, /\n {4}at /)
})

test('stats and rowsets tell rows, files and key ranges', async (t) => {
  const { path, varve } = workspace(t)
  t.regex((await varve('import', 'none.csv', '-t', 'a')).err, /^error ENOENT: There is no .*none\.csv/)
  writeFileSync(path('a.csv'), `id,s\n${Array.from({ length: 1500 }, (_, i) => `${i},x`).join('\n')}\n`)
  await varve('import', 'a.csv', '-t', 'a', '-k', 'id')
  const [stats] = JSON.parse((await varve('stats', '--json')).out)
  t.like(stats, { table: 'a', rows: 1500, memoryRows: 0, primaryKey: ['id'] })
  t.regex((await varve('stats')).out, /^table +rows .*\na +1,500 +0 /)
  t.regex((await varve('stats', '-t', 'a')).out, /id +int32 +key\ns +string\?\n/)
  const [rowset] = JSON.parse((await varve('rowsets', '--json')).out)
  t.like(rowset, { table: 'a', tablet: 0, rows: 1500, minKey: '0', maxKey: '1499' })
  t.regex((await varve('rowsets')).out, /a +0 +\d+ +\d+\.sst +1,500 +0\.\d\d +– +– +– +0 +1499\n\na\/0: 1 rowset, average height 1\.00\n$/)
  t.regex((await varve('stats', '-t', 'b')).err, /^error TABLE_NOT_FOUND/)
})

test('rowsets tells the changes of rows, in files and in memory, and draws a table', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), `id,s\n${Array.from({ length: 100 }, (_, i) => `${i},x`).join('\n')}\n`)
  await varve('import', 'a.csv', '-t', 'a', '-k', 'id')
  const db = await open(path('data'))
  db.maintenance.pause()
  await db.table('a').updateWhere(gte('id', 60), { s: 'y' })
  await db.flush()
  await db.table('a').delete([1, 2, 3])
  await db.close()
  const [rowset] = JSON.parse((await varve('rowsets', '--json')).out)
  t.like(rowset.deltas, { redo: { files: 1, changes: 40 }, undo: { files: 0 }, memory: { changes: 3 } })
  t.regex((await varve('rowsets')).out, / 40 in 1 +– +3 +0 +99\n/)
  const { code, out } = await varve('rowsets', '--svg', 'a.svg')
  t.is(code, 0)
  t.is(out, 'Wrote a picture of 1 rowset of a to a.svg.\n')
  t.regex(readFileSync(path('a.svg'), 'utf8'), /^<svg [\s\S]*Rowsets of a[\s\S]*43 changes to apply[\s\S]*<\/svg>\n$/)
  t.like(JSON.parse((await varve('rowsets', '--svg', 'b.svg', '--json')).out), { table: 'a', rowsets: 1, svg: path('b.svg') })
  const before = JSON.parse((await varve('stats', '--json')).out)[0].diskBytes
  const compacted = JSON.parse((await varve('compact', '--json')).out)
  t.like(compacted, { kind: 'full', before: [{ table: 'a', rowsets: 1, sizeBytes: before }], after: [{ table: 'a', rowsets: 1 }] })
  const [after] = JSON.parse((await varve('rowsets', '--json')).out)
  t.is(compacted.after[0].sizeBytes, after.sizeBytes + after.deltas.redo.sizeBytes + after.deltas.undo.sizeBytes)
  // The deleted rows stay while history is kept: their deletes are what is left to apply.
  t.like(after.deltas, { redo: { changes: 3 }, undo: { changes: 40 } })
  t.regex((await varve('compact')).out, /^a: 1 rowset of 0\.\d\d MiB, now 1 of 0\.\d\d MiB\.\n$/)
  t.regex(
    (await varve('rowsets', '--svg', 'none/a.svg')).err,
    /^error ENOENT: There is no .*none\/a\.svg, nor its directory\. Check the path\./,
  )
  writeFileSync(path('other.csv'), 'id\n1\n')
  await varve('import', 'other.csv', '-t', 'other', '-k', 'id')
  t.regex((await varve('rowsets', '--svg', 'a.svg')).err, /^error USAGE: Which table\? Give --table NAME; there are a, other\./)
})

test('plugins shows what the configuration assembles and who was replaced, and opens nothing', async (t) => {
  const { path, varve } = workspace(t)
  const { code, out } = await varve('plugins')
  t.is(code, 0)
  t.regex(out, /inline-pool .*\n.*provides WorkerPool \(replaces piscina-worker-pool\)/)
  t.regex(out, /piscina-worker-pool \(default\)\n.*left out: replaced by inline-pool/)
  t.regex(out, /lru-block-cache \(default\) \d+\.\d ms/)
  t.false(readdirSync(path('.')).includes('data'))
  t.true(JSON.parse((await varve('plugins', '--json')).out).plugins.length > 3)
})

test('maintenance explains what it would do', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), 'id\n1\n')
  await varve('import', 'a.csv', '-t', 'a', '-k', 'id')
  const { code, out } = await varve('maintenance')
  t.is(code, 0)
  t.regex(out, /^policy +\S+\n/)
  t.regex(out, /\nbecause +\S/)
  t.is(JSON.parse((await varve('maintenance', '--json')).out).status.state, 'paused')
})

test('maintenance counts the ops that have something to do', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('a.csv'), `id,s\n${Array.from({ length: 1500 }, (_, i) => `${i},x`).join('\n')}\n`)
  await varve('import', 'a.csv', '-t', 'a', '-k', 'id')
  const db = await open(path('data'))
  db.maintenance.pause()
  await db.table('a').updateWhere(gte('id', 60), { s: 'y' })
  await db.flush()
  await db.close()
  const { out } = await varve('maintenance')
  const [, ops, busy, idle] = /\nops +(\d+), (\d+) with something to do, (\d+) idle\n/.exec(out) ?? []
  t.true(Number(busy) > 0, out)
  t.is(Number(busy) + Number(idle), Number(ops))
  t.regex(out, /\nnext +[A-Z]\w+\(a\/0\)\n/)
})

test('a configuration file is named by --config, whatever it is called; a wrong one is told', async (t) => {
  const { path, varve } = workspace(t)
  writeFileSync(path('mine.yaml'), 'directory: ./elsewhere\n')
  t.regex((await varve('stats', '--config', 'mine.yaml')).err, /elsewhere is not a database/)
  writeFileSync(path('wrong.json'), '{"directory":"./x","memmory":{}}')
  const wrong = await varve('stats', '--config', 'wrong.json')
  t.is(wrong.code, 1)
  t.regex(wrong.err, /^error CONFIG_INVALID: [\s\S]*memmory[\s\S]*memory/)
  t.regex(
    (await varve('stats', '--config', 'none.json')).err,
    /^error CONFIG_NOT_FOUND: --config names .*none\.json: there is no such file/,
  )
})

test('the program itself runs, flushes on a worker and answers through a pipe', async (t) => {
  const { directory, path } = workspace(t)
  const bare = path('bare')
  mkdirSync(bare)
  writeFileSync(join(bare, 'a.csv'), 'id,v\n1,one\n2,two\n')
  const varve = (...argv: string[]) =>
    promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...argv], { cwd: directory })
  await varve('import', 'bare/a.csv', '-t', 'a', '-k', 'id', '-d', join(bare, 'db'), '--config', await writtenConfig(bare))
  t.true(readdirSync(join(bare, 'db')).some((name) => name.endsWith('.sst')))
  const { stdout, stderr } = await varve('scan', '-d', join(bare, 'db'), '--csv', '--order', 'key')
  t.is(stdout, 'id,v\n1,one\n2,two\n')
  t.is(stderr, '')
  const failed = await varve('get', '5', '-d', join(bare, 'db')).catch((error: { code: number; stderr: string }) => error)
  t.like(failed, { code: 1, stderr: 'Table a has no row with the key 5.\n' })
})

async function writtenConfig(directory: string): Promise<string> {
  const path = join(directory, 'plain.json')
  writeFileSync(path, '{"directory":"."}')
  return path
}
