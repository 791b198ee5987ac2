import test from 'ava'
import {
  type AnyTable,
  defineTable,
  double,
  eq,
  hashPartition,
  int32,
  int64,
  rangePartition,
  string,
  timestamp,
  VarveError,
} from '../../src/index.ts'
import { MemoryVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { inEveryPlace, inEveryPlaceRows, type Rows, rowsOf, sameByEveryRead } from './altered-tables.ts'
import { outcome, rowsFrom, small, sstFiles, turns } from './kit.ts'

test('an added column has its default in every row that is there, wherever the row lies, and takes values from then on', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  await db.alterTable(table, { addColumns: { n: int32().default(7), at: timestamp().nullable(), big: int64().default(1n << 60n) } })
  const added = { n: 7, at: null, big: 1n << 60n }
  await sameByEveryRead(
    t,
    table,
    inEveryPlaceRows.map((row) => ({ ...row, ...added })),
  )
  await table.update({ id: 1, n: 8 })
  await table.insert([
    { id: 2, text: 'again', at: 5 },
    { id: 20, text: 'new' },
  ])
  await table.upsert({ id: 10, big: 3n })
  const expected = [
    { id: 0, text: 'row 0', ...added },
    { id: 1, text: 'changed in a file', ...added, n: 8 },
    { id: 2, text: 'again', ...added, at: 5 },
    { id: 3, text: 'changed in memory', ...added },
    { id: 10, text: 'row 10', ...added, big: 3n },
    { id: 11, text: 'changed where it was inserted', ...added },
    { id: 20, text: 'new', ...added },
  ]
  await sameByEveryRead(t, table, expected)
  t.deepEqual(await rowsOf(table, { where: eq('n', 7), columns: ['id'] }), [
    { id: 0 },
    { id: 2 },
    { id: 3 },
    { id: 10 },
    { id: 11 },
    { id: 20 },
  ])
  await db.flush()
  await sameByEveryRead(t, table, expected)
})

test('a dropped column is gone from reads and writes; one that takes its name holds nothing of it', async (t) => {
  const vfs = new MemoryVfs()
  await using db = await openMemory({}, { vfs })
  const table = await inEveryPlace(db)
  await db.alterTable(table, { dropColumns: ['text'] })
  const ids = inEveryPlaceRows.map(({ id }) => ({ id }))
  await sameByEveryRead(t, table, ids)
  t.is(await outcome(table.insert({ id: 50, text: 'x' })), 'INVALID_VALUE')
  t.throws(() => table.getSync(1, { columns: ['text'] }), { instanceOf: TypeError })
  await table.insert({ id: 60 })
  await db.alterTable(table, { addColumns: { text: string().default('none') } })
  const expected = [...ids, { id: 60 }].map((row) => ({ ...row, text: 'none' }))
  await sameByEveryRead(t, table, expected)
  await db.flush()
  await sameByEveryRead(t, table, expected)
  await using again = await openMemory({}, { vfs: vfs.clone() })
  await sameByEveryRead(t, again.table('small'), expected)
})

test('in one call a column is dropped and another one of its name added', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  await db.alterTable(table, { dropColumns: ['text'], addColumns: { text: double().nullable() } })
  await sameByEveryRead(
    t,
    table,
    inEveryPlaceRows.map(({ id }) => ({ id, text: null })),
  )
})

test('columns keep their values under new names, those of the key too; two may change names with each other', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const pairs = defineTable('pairs', {
    columns: { k: string(), n: int32(), a: string(), b: string() },
    primaryKey: ['k', 'n'],
    partitionBy: hashPartition(['k'], 3),
  })
  const table = db.table((await db.createTable(pairs)).name)
  const rows = ['x', 'y', 'z'].flatMap((k) => [1, 2].map((n) => ({ k, n, a: `a${k}${n}`, b: `b${k}${n}` })))
  await table.insert(rows.slice(0, 4))
  await db.flush()
  await table.insert(rows.slice(4))
  await db.alterTable(table, { renameColumns: { a: 'b', b: 'a', k: 'key' } })
  const check = async (of: AnyTable) => {
    t.deepEqual(
      await of.scan({ order: 'key' }).toArray(),
      rows.map(({ k, n, a, b }) => ({ key: k, n, b: a, a: b })),
    )
    t.is((await of.get({ key: 'y', n: 2 }))['b'], 'ay2')
    t.is((await of.scan({ prefix: { key: 'z' } }).toArray()).length, 2)
    t.deepEqual(of.keyOf({ key: 'x', n: 1 }), { key: 'x', n: 1 })
    t.deepEqual(of.definition.primaryKey, ['key', 'n'])
    t.deepEqual(of.definition.partitionBy, hashPartition(['key'], 3))
  }
  await check(table)
  t.is(await outcome(table.insert({ key: 'x', n: 1, a: '', b: '' })), 'KEY_EXISTS')
  await db.close()
  await using again = await openMemory({}, { vfs })
  await check(again.table('pairs'))
})

test('columns before those of the key can be dropped: key and partitions go on', async (t) => {
  await using db = await openMemory()
  const parted = defineTable('parted', {
    columns: { first: string(), id: int32(), second: double(), part: int32() },
    primaryKey: ['part', 'id'],
    partitionBy: rangePartition(['part'], [10, 20]),
  })
  const table = db.table((await db.createTable(parted)).name)
  const rows = Array.from({ length: 30 }, (_, id) => ({ first: `f${id}`, id, second: id / 2, part: id }))
  await table.insert(rows)
  await db.alterTable('parted', { dropColumns: ['first'], renameColumns: { part: 'range' } })
  await table.insert({ id: 30, second: 15, range: 30 })
  await db.alterTable('parted', { dropColumns: ['second'] })
  await sameByKey(table)
  await db.flush()
  await sameByKey(table)
  async function sameByKey(of: AnyTable): Promise<void> {
    const expected = Array.from({ length: 31 }, (_, id) => ({ id, range: id }))
    t.deepEqual(await of.scan({ order: 'key' }).toArray(), expected)
    t.deepEqual(await of.getMany(expected), expected)
    t.deepEqual(of.definition.partitionBy, rangePartition(['range'], [[10], [20]]))
    t.deepEqual(
      of.stats().tablets.map(({ rowsets, memoryRows }) => rowsets.reduce((sum, { rows: count }) => sum + count, memoryRows)),
      [10, 10, 11],
    )
  }
})

test('a renamed table goes on under its new name, whichever way it is reached; the old name is free', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 3))
  await db.alterTable(table, { renameTo: 'large' })
  t.is(table.name, 'large')
  t.is(db.table('large'), table as AnyTable)
  t.is(table.definition.name, 'large' as never)
  await table.insert(rowsFrom(3, 1))
  t.is(await table.count(), 4)
  t.deepEqual(
    db.tables().map(({ name }) => name),
    ['large'],
  )
  t.is(await outcome(Promise.resolve().then(() => db.table('small'))), 'TABLE_NOT_FOUND')
  t.is(await outcome(db.dropTable('small')), 'TABLE_NOT_FOUND')
  const other = await db.createTable(small)
  await other.insert(rowsFrom(100, 1))
  t.is(await table.count(), 4)
  await db.close()
  await using again = await openMemory({}, { vfs })
  t.is(await again.table('large').count(), 4)
  t.is(await again.table('small').count(), 1)
})

test('the definition of an altered table is what opens it; the one before is refused', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  await db.alterTable(small, { addColumns: { n: int32().default(1), note: string().nullable() }, renameColumns: { text: 'words' } })
  const wider = defineTable('small', {
    columns: { id: int32(), words: string(), n: int32().default(1), note: string().nullable() },
    primaryKey: ['id'],
  })
  t.deepEqual(Object.keys(table.definition.columns), Object.keys(wider.columns))
  t.is(db.table(wider), table as never)
  t.is(await db.createTable(wider, { ifNotExists: true }), table as never)
  t.notThrows(() => db.table(table.definition))
  t.throws(() => db.table(small), { code: 'SCHEMA_MISMATCH' })
  t.deepEqual(
    db.tables()[0]?.columns.map(({ name, nullable, hasDefault }) => [name, nullable, hasDefault]),
    [
      ['id', false, false],
      ['words', false, false],
      ['n', false, true],
      ['note', true, false],
    ],
  )
})

const refusals: readonly (readonly [what: string, change: object, error: string | RegExp])[] = [
  ['an unknown column to drop', { dropColumns: ['txt'] }, /SCHEMA_MISMATCH.*"txt".*Did you mean "text"/],
  ['a column of the key to drop', { dropColumns: ['id'] }, /SCHEMA_MISMATCH.*primary key/],
  ['an unknown column to rename', { renameColumns: { txt: 'words' } }, /SCHEMA_MISMATCH.*Did you mean "text"/],
  ['a dropped column to rename', { dropColumns: ['text'], renameColumns: { text: 'words' } }, /SCHEMA_MISMATCH/],
  ['a name that another column has', { renameColumns: { text: 'id' } }, /SCHEMA_MISMATCH.*"id"/],
  ['a column that is there to be added', { addColumns: { text: string().nullable() } }, /SCHEMA_MISMATCH.*"text"/],
  ['a name that an added column takes', { renameColumns: { text: 'n' }, addColumns: { n: int32().nullable() } }, /SCHEMA_MISMATCH.*"n"/],
  ['a name that a table has', { renameTo: 'other' }, /TABLE_EXISTS.*other/],
  ['a column that rows there would have no value in', { addColumns: { n: int32() } }, /TypeError.*n cannot be added.*default/],
  ['a column that is none', { addColumns: { n: int32 } }, /TypeError.*call it/],
  ['a column without a name', { addColumns: { '': int32().nullable() } }, /TypeError.*name/],
  ['columns to drop that are no list', { dropColumns: 'text' }, /TypeError.*array/],
  ['a column to drop twice', { dropColumns: ['text', 'text'] }, /TypeError.*twice/],
  ['a new name that is none', { renameColumns: { text: 5 } }, /TypeError.*name/],
  ['new names that are none', { renameColumns: ['text'] }, /TypeError.*renameColumns/],
  ['a new name of the table that is none', { renameTo: ' ' }, /TypeError.*name/],
  ['an unknown option', { addColumn: {} }, /TypeError.*addColumn.*Did you mean "addColumns"/],
  ['nothing at all', undefined as never, /TypeError/],
]

test('a change that makes no sense is refused, saying why, and nothing is changed', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  await db.createTable({ ...small, name: 'other' })
  const files = db.metrics().flush.count
  for (const [what, change, expected] of refusals) {
    const error = await t.throwsAsync(db.alterTable('small', change as never), undefined, what)
    t.regex(`${error instanceof VarveError ? error.code : error?.name} ${error?.message}`, expected as RegExp, what)
    if (error instanceof VarveError) t.is(error.context['table'], error.code === 'TABLE_EXISTS' ? 'other' : 'small', what)
  }
  t.is(await outcome(db.alterTable('smal', { renameTo: 'x' })), 'TABLE_NOT_FOUND')
  t.regex(String(await outcome(db.alterTable(undefined as never, {}))), /TypeError/)
  t.is(db.metrics().flush.count, files, 'nothing was flushed for it')
  t.notThrows(() => db.table(small))
  await sameByEveryRead(t, table, inEveryPlaceRows)
})

test('what changes nothing does nothing', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  const { definition } = table
  for (const change of [{}, { renameTo: 'small' }, { renameColumns: { text: 'text' } }, { addColumns: {}, dropColumns: [] }]) {
    await db.alterTable('small', change)
    t.is(table.definition, definition)
  }
  await sameByEveryRead(t, table, inEveryPlaceRows)
})

test('a database that is read only, or closed, alters nothing', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  await inEveryPlace(db)
  await db.close()
  t.is(await outcome(db.alterTable('small', { renameTo: 'x' })), 'DATABASE_CLOSED')
  await using reading = await openMemory({ readOnly: true }, { vfs })
  t.is(await outcome(reading.alterTable('small', { renameTo: 'x' })), 'READ_ONLY')
  await sameByEveryRead(t, reading.table('small'), inEveryPlaceRows)
})

test('without a plugin that flushes, a table with rows in memory stays as it is, and one without is altered', async (t) => {
  await using db = await openMemory({ disable: ['flush'] })
  const table = await db.createTable(small)
  await db.alterTable(table, { addColumns: { n: int32().default(1) } })
  await table.insert(rowsFrom(0, 1))
  t.is(await outcome(db.alterTable(table, { addColumns: { m: int32().default(2) } })), 'SERVICE_NOT_FOUND')
  await table.insert(rowsFrom(1, 1))
  t.deepEqual(await rowsOf(table as AnyTable), [
    { id: 0, text: 'row 0', n: 1 },
    { id: 1, text: 'row 1', n: 1 },
  ])
})

test('reads at an old snapshot show the rows of then with the columns of now', async (t) => {
  await using db = await openMemory({ history: { retentionMs: 0 } })
  const table = await inEveryPlace(db)
  using snapshot = db.snapshot()
  await table.update({ id: 3, text: 'later' })
  await table.delete(10)
  await db.alterTable(table, { addColumns: { n: int32().default(7) }, renameColumns: { text: 'words' } })
  const then = inEveryPlaceRows.map(({ id, text }) => ({ id, words: text, n: 7 }))
  await sameByEveryRead(t, table, then, { snapshot })
  await table.update([
    { id: 0, n: 8 },
    { id: 3, n: 9 },
  ])
  await table.insert({ id: 10, words: 'again', n: 10 })
  await table.delete(11)
  await sameByEveryRead(t, table, then, { snapshot })
  await db.flush()
  await sameByEveryRead(t, table, then, { snapshot })
  await sameByEveryRead(t, table, [
    { id: 0, words: 'row 0', n: 8 },
    { id: 1, words: 'changed in a file', n: 7 },
    { id: 3, words: 'later', n: 9 },
    { id: 10, words: 'again', n: 10 },
  ])
  await db.alterTable(table, { dropColumns: ['words'] })
  await sameByEveryRead(
    t,
    table,
    then.map(({ id, n }) => ({ id, n })),
    { snapshot },
  )
})

test('a scan that has begun goes on as it began, though its columns are dropped and its files merged away', async (t) => {
  const vfs = new MemoryVfs()
  await using db = await openMemory({}, { vfs })
  const table = await inEveryPlace(db)
  const scan = table.scan({ order: 'key' })[Symbol.asyncIterator]()
  const first = await scan.next()
  t.deepEqual(first.value, inEveryPlaceRows[0])
  const unread = table.scan()
  await db.alterTable(table, { dropColumns: ['text'], renameTo: 'other' })
  await db.alterTable(table, { addColumns: { text: string().default('new') } })
  await db.dropTable(table)
  await turns(3)
  t.true(sstFiles(vfs).length > 0, 'the files are there while they are read')
  const rest: unknown[] = []
  for (let next = await scan.next(); !next.done; next = await scan.next()) rest.push(next.value)
  t.deepEqual(rest, inEveryPlaceRows.slice(1))
  t.deepEqual(
    ((await unread.toArray()) as Rows).sort((a, b) => (a['id'] as number) - (b['id'] as number)),
    inEveryPlaceRows,
  )
  await turns(3)
  t.deepEqual(sstFiles(vfs), [])
})

test('a point read that waits for a block goes on as it began, though the table is altered and dropped meanwhile', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const before = await openMemory({}, { vfs })
  await inEveryPlace(before)
  await before.close({ flush: true })
  for (const isDropped of [false, true]) {
    await using db = await openMemory({}, { vfs })
    // Maintenance would wait for the same slow reads.
    db.maintenance.pause()
    const table = db.table('small')
    const slow = vfs.inject({ op: 'read', path: /sst$/, delayMs: 1000 })
    const reads = [table.get(1), table.get(3, { columns: ['text'] }), table.getMany([0, 1, 77])].map((read) => outcome(read))
    await turns(3)
    await db.alterTable(table, { renameColumns: { text: 'words' }, addColumns: { n: int32().default(1) } })
    if (isDropped) await db.dropTable(table)
    slow[Symbol.dispose]()
    await clock.advance(1000)
    const found = [
      { id: 1, text: 'changed in a file' },
      { text: 'changed in memory' },
      [{ id: 0, text: 'row 0' }, { id: 1, text: 'changed in a file' }, undefined],
    ]
    t.deepEqual(await Promise.all(reads), isDropped ? found.map(() => 'TABLE_NOT_FOUND') : found)
    if (isDropped) continue
    t.deepEqual(await table.get(1), { id: 1, words: 'changed in a file', n: 1 })
    await db.alterTable(table, { renameColumns: { words: 'text' }, dropColumns: ['n'] })
  }
  await turns(3)
  t.deepEqual(sstFiles(vfs), [], 'nobody keeps the files of what was dropped')
})

test('a row that was kept whole is read anew after the table has changed', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  await db.flush()
  for (let i = 0; i < 3; i++) await table.get(1)
  t.true((db.metrics().rowCache?.hits ?? 0) > 0)
  await db.alterTable(table, { addColumns: { n: int32().default(3) }, renameColumns: { text: 'words' } })
  t.is(db.metrics().rowCache?.usedBytes, 0)
  for (let i = 0; i < 3; i++) t.deepEqual(await table.get(1), { id: 1, words: 'changed in a file', n: 3 })
  await table.update({ id: 1, n: 4 })
  t.deepEqual(await table.get(1), { id: 1, words: 'changed in a file', n: 4 })
})

test('columns with changes applied, kept for the next scan, are not taken for others that moved to their place', async (t) => {
  await using db = await openMemory()
  const wide = defineTable('wide', { columns: { id: int32(), a: int32(), b: int32(), c: int32() }, primaryKey: ['id'] })
  const table = db.table((await db.createTable(wide)).name)
  await table.insert(Array.from({ length: 100 }, (_, id) => ({ id, a: id, b: 1000 + id, c: 2000 + id })))
  await db.flush()
  await table.update([{ id: 5, a: -1, b: -2, c: -3 }])
  await db.flush()
  for (let i = 0; i < 2; i++) t.deepEqual((await rowsOf(table))[5], { id: 5, a: -1, b: -2, c: -3 })
  await db.alterTable(table, { dropColumns: ['a'] })
  for (let i = 0; i < 2; i++)
    t.deepEqual((await rowsOf(table)).slice(5, 7), [
      { id: 5, b: -2, c: -3 },
      { id: 6, b: 1006, c: 2006 },
    ])
  await db.alterTable(table, { dropColumns: ['b'], addColumns: { d: int32().default(4) } })
  for (let i = 0; i < 2; i++)
    t.deepEqual((await rowsOf(table)).slice(5, 7), [
      { id: 5, c: -3, d: 4 },
      { id: 6, c: 2006, d: 4 },
    ])
})
