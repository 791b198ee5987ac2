import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { LruBlockCache } from '../../plugins/lru-block-cache/index.ts'
import { defineTable, hashPartition, int32, int64, open, partitionsOf, string, writeSSTable } from '../../src/index.ts'
import { schemaFromDefinition } from '../../src/schema/table-definition.ts'
import { deflateCodec } from '../../src/sstable/codec.ts'
import { ColumnRewriter } from '../../src/sstable/column-rewriter.ts'
import { FileHandles } from '../../src/sstable/file-handles.ts'
import { inspectSSTable } from '../../src/sstable/inspect.ts'
import { SSTableReader } from '../../src/sstable/sstable-reader.ts'
import { MemoryVfs, openMemory, SeededRandom, SimulatedClock } from '../../src/testing/index.ts'
import { filled, rowsOf, type Wide } from './ingest-kit.ts'
import { outcome, rowsFrom, small, sstFiles, turns } from './kit.ts'

const filesIn = (vfs: MemoryVfs) => [...vfs.snapshot().keys()].filter((path) => path.startsWith('/db/')).sort()

test('ingested rows are there at once, all of them, change like others, and outlast a reopening', async (t) => {
  const vfs = new MemoryVfs()
  const clock = new SimulatedClock()
  const db = await filled(vfs, clock)
  const table = db.table(small)
  const before = await rowsOf(db)
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 20_000), { vfs })
  await writeSSTable('/in/b.sst', small, rowsFrom(60, 20), { vfs, rowsPerGroup: 7 })
  await table.ingest(['/in/a.sst', '/in/b.sst'])
  await vfs.remove('/in/a.sst')
  await vfs.remove('/in/b.sst')
  const expected = [...before, ...rowsFrom(60, 20), ...rowsFrom(1000, 20_000)].sort((a, b) => a.id - b.id)
  t.deepEqual(await rowsOf(db), expected)
  t.is(table.getSync(1234)?.text, 'row 1234')
  t.is(await outcome(table.insert(rowsFrom(65))), 'KEY_EXISTS')
  t.is(await table.update([{ id: 65, text: 'changed' }]), 1)
  t.is(await table.delete([66]), 1)
  await table.insert({ id: 66, text: 'again' })
  const changed = expected.map((row) => (row.id === 65 ? { id: 65, text: 'changed' } : row.id === 66 ? { id: 66, text: 'again' } : row))
  t.deepEqual(await rowsOf(db), changed)
  const killed = await openMemory({}, { vfs: vfs.clone() })
  t.deepEqual(await rowsOf(killed), changed)
  await killed.close()
  await db.close({ flush: true })
  const again = await openMemory({}, { vfs })
  t.deepEqual(await rowsOf(again), changed)
  await again.close()
})

test('snapshots and times before the ingest see none of its rows', async (t) => {
  const vfs = new MemoryVfs()
  const clock = new SimulatedClock()
  const db = await filled(vfs, clock)
  const table = db.table(small)
  await clock.advance(1000)
  const beforeMs = clock.nowMs()
  const snapshot = db.snapshot()
  const before = await rowsOf(db)
  await clock.advance(1000)
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 10_000), { vfs })
  const scan = table.scan({ order: 'key' })
  await table.ingest('/in/a.sst')
  t.deepEqual(await scan.toArray(), before)
  t.deepEqual(await table.scan({ order: 'key', snapshot }).toArray(), before)
  t.is(await table.get(1000, { snapshot }), undefined)
  t.is(await table.count({ snapshot }), before.length)
  t.is(await table.count({ asOf: beforeMs }), before.length)
  t.is(await table.count({ asOf: clock.nowMs() }), before.length + 10_000)
  await db.flush()
  const batch = db.batch({ snapshot })
  batch.upsert(table, [{ id: 1000, text: 'mine' }])
  t.is(await outcome(batch.commit()), 'WRITE_CONFLICT')
  snapshot.close()
  await db.close()
})

test('sstable:ingested tells of the files when their rows are there', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const told: string[] = []
  let seen = 0
  db.events.on('sstable:ingested', () => {
    seen = db.table(small).getSync(1001)?.id ?? 0
  })
  db.events.on('sstable:created', ({ file }) => told.push(`created ${file.path}`))
  db.events.on('sstable:ingested', ({ files }) =>
    told.push(...files.map(({ path, rows, table, tablet }) => `${path} ${rows} ${table}/${tablet}`)),
  )
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 30), { vfs })
  await db.table(small).ingest('/in/a.sst')
  const path = sstFiles(vfs)
    .filter((file) => file.startsWith('/db'))
    .at(-1)
  t.deepEqual(told, [`created ${path}`, `${path} 30 small/0`])
  t.is(seen, 1001)
  await db.close()
})

test('a key that has a row, alive or dead, in a file or in memory, or is in two files, is refused by name', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const table = db.table(small)
  const before = await rowsOf(db)
  await writeSSTable('/in/good.sst', small, rowsFrom(300, 5), { vfs })
  const files = filesIn(vfs)
  for (const id of [7, 49, 100, 200, 205]) {
    const rows = [...rowsFrom(-5, 5), ...rowsFrom(id)]
    await writeSSTable(`/in/${id}.sst`, small, rows, { vfs })
    const error = await t.throwsAsync(table.ingest(['/in/good.sst', `/in/${id}.sst`]), { code: 'INGEST_REJECTED' })
    t.regex(error?.message ?? '', new RegExp(`/in/${id}\\.sst .*id = ${id}\\b.*has a row`))
    t.like(error, { context: { table: 'small', path: `/in/${id}.sst`, problem: 'key', key: { id } } })
  }
  await writeSSTable('/in/twin.sst', small, rowsFrom(304, 5), { vfs })
  const error = await t.throwsAsync(table.ingest(['/in/good.sst', '/in/twin.sst']), { code: 'INGEST_REJECTED' })
  t.regex(error?.message ?? '', /id = 304\b.*\/in\/twin\.sst as well/)
  t.is(await outcome(table.ingest(['/in/good.sst', '/in/good.sst'])), 'INGEST_REJECTED')
  t.deepEqual(filesIn(vfs), files)
  t.deepEqual(await rowsOf(db), before)
  await table.ingest('/in/good.sst')
  t.is(await table.count(), before.length + 5)
  await db.close()
})

test('a file of another schema is refused with every difference; one of an altered table fits by its names', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const columns = { id: int32(), text: string() }
  const others = {
    missing: defineTable('small', { columns: { id: int32() }, primaryKey: ['id'] }),
    more: defineTable('small', { columns: { ...columns, extra: int32().nullable() }, primaryKey: ['id'] }),
    kind: defineTable('small', { columns: { ...columns, id: int64({ mode: 'number' }) }, primaryKey: ['id'] }),
    nullable: defineTable('small', { columns: { ...columns, text: string().nullable() }, primaryKey: ['id'] }),
    key: defineTable('small', { columns, primaryKey: ['id', 'text'] }),
  }
  const words = {
    missing: /text is missing/,
    more: /no extra/,
    kind: /id is int64 .*should be int32/,
    nullable: /text is string, nullable/,
    key: /key is \(id, text\)/,
  }
  for (const [name, other] of Object.entries(others)) {
    await writeSSTable(`/in/${name}.sst`, other as never, [{ id: 1000, text: 'x', extra: 1 }].map((row) => only(row, other)) as never, {
      vfs,
    })
    const error = await t.throwsAsync(db.table(small).ingest(`/in/${name}.sst`), { code: 'INGEST_REJECTED' })
    t.regex(error?.message ?? '', words[name as keyof typeof words])
  }
  await db.alterTable(small, { addColumns: { extra: int32().nullable() }, renameColumns: { text: 'words' } })
  const altered = defineTable('small', { columns: { extra: int32().nullable(), words: string(), id: int32() }, primaryKey: ['id'] })
  await writeSSTable('/in/altered.sst', altered, [{ id: 1000, extra: 5, words: 'new' }], { vfs })
  await db.table(altered).ingest('/in/altered.sst')
  t.deepEqual(await db.table(altered).get(1000), { id: 1000, words: 'new', extra: 5 })
  t.deepEqual(await db.table(altered).get(3), { id: 3, words: 'row 3', extra: null })
  await db.close()
})

function only(row: Record<string, unknown>, { columns }: { columns: object }) {
  return Object.fromEntries(Object.keys(columns).map((name) => [name, row[name]]))
}

test('a file with any byte damaged, cut short, missing, or no SSTable, is refused, and nothing is left behind', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const table = db.table(small)
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 300), { vfs, rowsPerGroup: 128 })
  const files = filesIn(vfs)
  const sizeBytes = vfs.snapshot().get('/in/a.sst')?.length ?? 0
  const random = new SeededRandom(3)
  for (let offset = 0; offset < sizeBytes; offset += 1 + random.below(60)) {
    const xor = 1 << random.below(8)
    vfs.mutate('/in/a.sst', offset, xor)
    const refused = await t.throwsAsync(table.ingest('/in/a.sst'), { code: 'INGEST_REJECTED' }, `byte ${offset} of ${sizeBytes}`)
    t.regex(refused?.message ?? '', /[^.]\. Nothing was ingested\.$/)
    vfs.mutate('/in/a.sst', offset, xor)
  }
  const damage = await t.throwsAsync(table.ingest('/in/none.sst'), { code: 'INGEST_REJECTED' })
  t.regex(damage?.message ?? '', /there is no such file/)
  t.is(
    (await t.throwsAsync(table.ingest('/db/CURRENT'), { code: 'INGEST_REJECTED' }))?.message,
    '/db/CURRENT cannot be ingested into table small: it cannot be read: it is not an SSTable. Restore the file from a checkpoint. Nothing was ingested.',
  )
  t.deepEqual(filesIn(vfs), files)
  await table.ingest('/in/a.sst')
  vfs.truncateTo('/in/a.sst', sizeBytes - 8)
  t.is(await outcome(table.ingest('/in/a.sst')), 'INGEST_REJECTED')
  t.is(await table.count(), 368)
  await db.close()
})

test('misuse is said: no path, an unknown option, read only, closed', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const table = db.table(small)
  await t.throwsAsync(table.ingest(''), { instanceOf: TypeError })
  await t.throwsAsync(table.ingest([1] as never), { instanceOf: TypeError })
  await t.throwsAsync(table.ingest('/in/a.sst', { sygnal: 1 } as never), { instanceOf: TypeError })
  await table.ingest([])
  t.is(await outcome(table.ingest('/in/a.sst', { signal: AbortSignal.abort() })), 'ABORTED')
  await db.close()
  t.is(await outcome(table.ingest('/in/a.sst')), 'DATABASE_CLOSED')
  const reading = await openMemory({ readOnly: true }, { vfs })
  t.is(await outcome(reading.table(small).ingest('/in/a.sst')), 'READ_ONLY')
  await reading.close()
})

const parted = defineTable('parted', {
  columns: { id: int32(), text: string() },
  primaryKey: ['id'],
  partitionBy: hashPartition(['id'], 3),
})

test('of a partitioned table each file holds keys of one tablet; files of several come in together', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(parted)
  await vfs.makeDirectory('/in')
  const rows = rowsFrom(0, 300)
  await writeSSTable('/in/mixed.sst', parted, rows, { vfs })
  const error = await t.throwsAsync(table.ingest('/in/mixed.sst'), { code: 'INGEST_REJECTED' })
  t.regex(error?.message ?? '', /belongs to tablet \d, and those before it to tablet \d/)
  const partitions = partitionsOf(parted, rows)
  const paths = [0, 1, 2].map((tablet) => `/in/${tablet}.sst`)
  for (const [tablet, path] of paths.entries())
    await writeSSTable(
      path,
      parted,
      rows.filter((_, i) => partitions[i] === tablet),
      { vfs },
    )
  await table.ingest(paths)
  t.deepEqual(await table.scan({ order: 'key' }).toArray(), rows)
  t.deepEqual(
    table.stats().tablets.map(({ rowsets }) => rowsets.length),
    [1, 1, 1],
  )
  await db.close()
})

test('writeSSTable refuses what is no table: rows out of order, a key twice, a bad value, no rows, a file that is there', async (t) => {
  const vfs = new MemoryVfs()
  const write = (rows: Wide[]) => writeSSTable('/a.sst', small, rows, { vfs, rowsPerGroup: 4 })
  await t.throwsAsync(write([...rowsFrom(0, 6), ...rowsFrom(5)]), { instanceOf: TypeError, message: /Row 6, with the key \(5\)/ })
  await t.throwsAsync(write([...rowsFrom(5), ...rowsFrom(4)]), { instanceOf: TypeError, message: /Row 1, with the key \(4\)/ })
  await t.throwsAsync(write([]), { instanceOf: TypeError, message: /at least one row/ })
  const error = await t.throwsAsync(write([...rowsFrom(0, 6), { id: 6, text: 7 as never }]), { code: 'INVALID_VALUE' })
  t.like(error, { context: { table: 'small', column: 'text', rowIndex: 6 } })
  t.is(vfs.snapshot().size, 0)
  async function* some() {
    yield* rowsFrom(0, 9)
  }
  t.is((await writeSSTable('/a.sst', small, some(), { vfs })).rows, 9)
  t.is(await outcome(write(rowsFrom(0))), 'IO_ERROR')
  t.is(vfs.snapshot().size, 1)
})

test('writeSSTable says what is wrong with a call', async (t) => {
  const vfs = new MemoryVfs()
  const wrong = async (args: unknown[], message: RegExp) =>
    t.throwsAsync((writeSSTable as (...args: unknown[]) => Promise<unknown>)(...args), { instanceOf: TypeError, message })
  await wrong([small, '/in/a.sst', []], /takes the path of a file first; got an object/)
  await wrong(['/in/a.sst', undefined, [], { vfs }], /takes what defineTable\(…\) returns after the path; got undefined/)
  await wrong(['/in/a.sst', small, { id: 1, text: 'a' }, { vfs }], /takes an array of rows.*got an object \(Object\)/)
  await wrong(['/in/a.sst', small, 'rows', { vfs }], /got "rows"/)
  await wrong(['/in/a.sst', small, rowsFrom(1), { vfs, rowPerGroup: 5 }], /Did you mean "rowsPerGroup"/)
  for (const rowsPerGroup of [0, 8193, 1.5, Number.POSITIVE_INFINITY, '5', null])
    await wrong(['/in/a.sst', small, rowsFrom(1), { vfs, rowsPerGroup }], /rowsPerGroup is a whole number from 1 to 8192/)
  t.deepEqual([...vfs.snapshot().keys()], [])
  const directory = mkdtempSync(join(tmpdir(), 'varve-write-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const missing = await t.throwsAsync(writeSSTable(join(directory, 'no/a.sst'), small, rowsFrom(1)), { code: 'IO_ERROR' })
  t.regex(missing?.message ?? '', /a\.sst cannot be written: there is no such directory\. Make it first\.$/)
  await writeSSTable(join(directory, 'a.sst'), small, rowsFrom(1))
  const there = await t.throwsAsync(writeSSTable(join(directory, 'a.sst'), small, rowsFrom(1)), { code: 'IO_ERROR' })
  t.regex(there?.message ?? '', /a\.sst cannot be written: it is there already\. Choose another path, or remove it first\.$/)
  const full = await t.throwsAsync(writeSSTable(directory, small, rowsFrom(1)), { code: 'IO_ERROR' })
  t.regex(full?.message ?? '', /cannot be written: it is there already/)
})

test('a copy of an ingested file, some columns anew, says when its rows were ingested', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const table = db.table(small)
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 20), { vfs, rowsPerGroup: 8 })
  await table.ingest('/in/a.sst')
  const path = sstFiles(vfs)
    .filter((file) => file.startsWith('/db'))
    .at(-1) as string
  const schema = schemaFromDefinition(small, { tableId: 1 })
  const read = async (file: string) => {
    const reader = new SSTableReader({
      fileNumber: 1,
      path: file,
      schema,
      cache: new LruBlockCache({ capacityBytes: 1 << 20 }),
      files: new FileHandles(vfs),
    })
    await reader.open()
    return reader
  }
  const source = await read(path)
  const { min, max } = source.timestampRange(0)
  t.is(min, max)
  t.true(min > 0)
  const { minTimestamp: first, maxTimestamp: last } = await inspectSSTable(vfs, path)
  t.deepEqual([first, last], [min, max])
  const copy = new ColumnRewriter(await vfs.create('/in/copy.sst'), { source, schema })
  for (let group = 0; group < source.groupCount; group++) await copy.addGroup(new Map())
  const { minTimestamp, maxTimestamp } = await copy.finish()
  t.deepEqual([minTimestamp, maxTimestamp], [min, min])
  const copied = await read('/in/copy.sst')
  for (let group = 0; group < copied.groupCount; group++) {
    t.deepEqual(copied.timestampRange(group), { min, max })
    t.true((await copied.loadTimestamps(group)).every((timestamp) => timestamp === min))
    t.true((await source.loadTimestamps(group)).every((timestamp) => timestamp === min))
    t.deepEqual(source.loadTimestampsSync(group), copied.loadTimestampsSync(group))
  }
  for await (const problem of copied.verify()) t.fail(problem.message)
  await db.close()
})

test('compactions of ingested rows, and of their changes, keep from whom they are hidden', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const table = db.table(small)
  const snapshot = db.snapshot()
  const before = await rowsOf(db)
  await writeSSTable('/in/a.sst', small, rowsFrom(20), { vfs })
  await writeSSTable('/in/b.sst', small, rowsFrom(1000, 100), { vfs, rowsPerGroup: 30 })
  t.is(await outcome(table.ingest(['/in/a.sst', '/in/b.sst'])), 'INGEST_REJECTED')
  await table.ingest('/in/b.sst')
  await table.update([{ id: 1050, text: 'changed' }])
  for (const kind of ['minor-delta', 'major-delta', 'merging'] as const) {
    await db.compact(table, { kind })
    t.deepEqual(await table.scan({ order: 'key', snapshot }).toArray(), before, kind)
    t.is(await table.get(1050, { snapshot }), undefined)
    t.is((await table.get(1050))?.text, 'changed')
    t.is(await table.count(), before.length + 100)
  }
  snapshot.close()
  await db.close()
})

test('on disk, by worker threads: a file is ingested, and the checkpoint has its rows', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-ingest-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const db = await open(join(directory, 'db'))
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  await writeSSTable(join(directory, 'a.sst'), small, rowsFrom(1000, 20_000), { codec: deflateCodec })
  await table.ingest(join(directory, 'a.sst'))
  t.like(await t.throwsAsync(table.ingest(join(directory, 'a.sst'))), {
    code: 'INGEST_REJECTED',
    context: { problem: 'key', key: { id: 1000 } },
  })
  const noFile = await t.throwsAsync(table.ingest(directory), { code: 'INGEST_REJECTED' })
  t.regex(noFile?.message ?? '', /cannot be ingested into table small: it is a directory\. Nothing was ingested\.$/)
  await db.checkpoint(join(directory, 'copy'))
  await db.close()
  const copy = await open(join(directory, 'copy'))
  t.is(await copy.table(small).count(), 20_010)
  await copy.close()
})

test('an ingest that is aborted while a file is looked through reads no further', async (t) => {
  const stop = new AbortController()
  let reads = 0
  const vfs = new MemoryVfs({
    onCall: ({ op, path }) => {
      if (op === 'read' && path === '/in/a.sst' && ++reads === 20) stop.abort()
    },
  })
  await using db = await filled(vfs)
  await writeSSTable('/in/a.sst', small, rowsFrom(1000, 2000), { vfs, rowsPerGroup: 10 })
  t.is(await outcome(db.table(small).ingest('/in/a.sst', { signal: stop.signal })), 'ABORTED')
  await turns(20)
  t.true(reads < 40, `${reads} reads`)
})
