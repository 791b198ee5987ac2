import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { defineTable, int32, lt, string } from '../../src/index.ts'
import { open } from '../../src/open.ts'
import { workspace } from './run-cli.ts'

const plugin = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A database with rows on disk, changes of them on disk, and rows in the log. */
async function prepared(t: ExecutionContext) {
  const space = workspace(t)
  writeFileSync(space.path('a.csv'), `id,s\n${Array.from({ length: 3000 }, (_, i) => `${i},text ${i % 7}`).join('\n')}\n`)
  t.is((await space.varve('import', 'a.csv', '-t', 'a', '-k', 'id')).code, 0)
  const db = await open(space.path('data'))
  db.maintenance.pause()
  await db.table('a').updateWhere(lt('id', 40), { s: 'changed' })
  await db.flush()
  for (let i = 0; i < 5; i++) await db.table('a').insert([{ id: 10_000 + i, s: 'in the log' }])
  await db.close()
  const names = readdirSync(space.path('data'))
  const named = (pattern: RegExp) => names.filter((name) => pattern.test(name)).at(-1) as string
  return { ...space, sst: named(/\.sst$/), delta: named(/\.delta$/), wal: named(/\.wal$/), manifest: named(/^MANIFEST/) }
}

test('verify finds nothing wrong with a whole database, and changes nothing', async (t) => {
  const { path, varve } = await prepared(t)
  const before = readdirSync(path('data')).map((name) => [name, readFileSync(join(path('data'), name)).toString('hex')])
  const { code, out, err } = await varve('verify')
  t.is(code, 0, out + err)
  t.regex(out, /^No problems in .*: 1 table, 2 data files with 3,000 rows, 6 batches in the log/)
  t.deepEqual(
    readdirSync(path('data')).map((name) => [name, readFileSync(join(path('data'), name)).toString('hex')]),
    before,
  )
  t.like(JSON.parse((await varve('verify', '--json')).out), { ok: true, problems: [], rows: 3000 })
})

test('verify reads history too', async (t) => {
  const { path, varve } = await prepared(t)
  const db = await open(path('data'))
  await db.table('a').delete([7, 8])
  await db.compact('a')
  await db.close()
  const [rowset] = JSON.parse((await varve('rowsets', '--json')).out)
  t.true(rowset.deltas.undo.changes >= 40)
  const { code, out } = await varve('verify')
  t.is(code, 0, out)
})

test('verify reads what a codec of the configuration has compressed', async (t) => {
  const { path, varve } = workspace(t)
  const config = {
    directory: './data',
    plugins: [plugin('./fixtures/inline-pool.ts'), plugin('../support/flip-codec-plugin.ts'), ['flush', { compression: 'flip' }]],
  }
  writeFileSync(path('varve.config.json'), JSON.stringify(config))
  writeFileSync(path('a.csv'), `id,s\n${Array.from({ length: 3000 }, (_, i) => `${i},text ${i % 7}`).join('\n')}\n`)
  t.is((await varve('import', 'a.csv', '-t', 'a', '-k', 'id')).code, 0)
  const { code, out } = await varve('verify')
  t.is(code, 0, out)
  writeFileSync(path('varve.config.json'), JSON.stringify({ directory: './data' }))
  const without = await varve('verify')
  t.is(without.code, 1)
  t.regex(without.out, /codec 'flip'.*add the plugin/)
})

test('verify finds a flipped byte in each kind of file, names the file, and has exit code 1', async (t) => {
  const { path, varve, sst, delta, wal, manifest } = await prepared(t)
  const seed = Math.floor(Math.random() * 1e9)
  t.log(`seed ${seed}`)
  const random = new SeededRandom(seed)
  for (const name of [sst, delta, wal, manifest, 'CURRENT']) {
    const whole = readFileSync(join(path('data'), name))
    for (let i = 0; i < 12; i++) {
      const copy = path('copy')
      cpSync(path('data'), copy, { recursive: true })
      const bytes = Buffer.from(whole)
      const at = Math.floor(random.next() * bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << (i % 8))
      writeFileSync(join(copy, name), bytes)
      const { code, out } = await varve('verify', '-d', copy, '--json')
      const told = JSON.parse(out || '{}') as { problems: { file: string }[]; notes: { file: string }[] }
      // The last record of the log or the manifest may be a torn one, which is no damage: then it is a note.
      const torn = name === wal || name === manifest
      t.true(
        told.problems.some(({ file }) => file === name) ||
          (torn && told.notes.some(({ file }) => file === name)) ||
          (torn && told.problems.length > 0),
        `${name} byte ${at}: ${out}`,
      )
      t.is(code, told.problems.length > 0 ? 1 : 0)
      rmSync(copy, { recursive: true })
    }
  }
})

test('verify names the byte of a damaged block', async (t) => {
  const { path, varve, sst } = await prepared(t)
  const file = join(path('data'), sst)
  const described = JSON.parse((await varve('inspect', file, '--json')).out)
  const block = described.columns[1].blocks[0]
  const bytes = readFileSync(file)
  bytes[block.offset + 5] = (bytes[block.offset + 5] as number) ^ 1
  writeFileSync(file, bytes)
  const { code, out } = await varve('verify', '--json')
  t.is(code, 1)
  const { problems } = JSON.parse(out)
  t.is(problems[0].file, sst)
  t.is(problems[0].offset, block.offset)
  t.regex((await varve('verify')).out, new RegExp(`${sst} +${block.offset} `))
})

test('verify finds files that are missing, cut short or swapped', async (t) => {
  const { path, varve, sst, manifest } = await prepared(t)
  const data = (name: string) => join(path('data'), name)
  copyFileSync(data(sst), path('kept'))
  truncateSync(data(sst), 500)
  t.like(JSON.parse((await varve('verify', '--json')).out), { ok: false, problems: { 0: { file: sst, offset: 500 } } })
  rmSync(data(sst))
  t.regex((await varve('verify')).out, new RegExp(`${sst} +– +It is missing, yet the manifest has it, with 3,000 rows`))
  copyFileSync(path('kept'), data(sst))
  t.is((await varve('verify')).code, 0)
  writeFileSync(data('000099.sst'), 'left behind')
  const leftover = await varve('verify')
  t.is(leftover.code, 0)
  t.regex(leftover.out, /Note: 000099\.sst: No longer needed/)
  rmSync(data(manifest))
  const { code, out } = await varve('verify')
  t.is(code, 1)
  t.regex(out, /MANIFEST-\d+ .*is missing/)
})

test('inspect describes each kind of file', async (t) => {
  const { path, varve, sst, wal, manifest } = await prepared(t)
  const inspect = async (name: string, ...more: string[]) => {
    const { code, out, err } = await varve('inspect', join('data', name), ...more)
    t.is(code, 0, err)
    return out
  }
  t.regex(await inspect(sst), /rows +3,000, .*\n[\s\S]*\nid \(key\) +int32 /)
  t.regex(await inspect(sst, '--blocks'), /offset +bytes +group/)
  t.regex(await inspect(wal), /records +\d+, 6 batches\n[\s\S]*insert into table 1, tablet 0/)
  t.regex(await inspect(wal, '--limit', '2'), /2 of 6 batches; --limit shows more/)
  t.regex(await inspect(manifest), /\n +0 +\S+ +snapshot/)
  t.regex(await inspect('CURRENT'), /manifest +MANIFEST-\d+\nchecksum +fits/)
  for (const name of [sst, wal, manifest, 'CURRENT']) t.is(typeof JSON.parse(await inspect(name, '--json')).kind, 'string')
  t.is((await varve('inspect', 'a.csv')).code, 2)
  t.regex((await varve('inspect', 'data')).err, /is a directory/)
  t.regex((await varve('inspect', 'data/000077.sst')).err, /^error ENOENT/)
  mkdirSync(path('d'))
  writeFileSync(path('d/000003.sst'), 'no sstable')
  t.regex((await varve('inspect', 'd/000003.sst')).err, /^error CORRUPTION/)
})

test('verify finds a log segment that is missing, though the newest is there, and names it', async (t) => {
  const { path, varve } = workspace(t)
  const columns = { id: int32(), s: string() }
  const db = await open({ directory: path('data'), wal: { segmentBytes: 4096 } })
  const table = await db.createTable(defineTable('a', { columns, primaryKey: ['id'] }))
  for (let id = 0; id < 200; id++) await table.insert([{ id, s: `text of row ${id}` }], { durability: 'sync' })
  await db.close()
  const segments = readdirSync(path('data')).filter((name) => name.endsWith('.wal'))
  t.true(segments.length > 2)
  t.is((await varve('verify')).code, 0)
  rmSync(join(path('data'), segments[0] as string))
  const { code, out } = await varve('verify', '--json')
  t.is(code, 1)
  const { problems } = JSON.parse(out) as { problems: { file: string; message: string }[] }
  t.is(problems[0]?.file, segments[0])
  t.regex(problems[0]?.message ?? '', /the manifest needs it from op 1/)
})
