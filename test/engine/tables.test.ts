import test from 'ava'
import { defineTable, double, hashPartition, int32, string, VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, sstFiles, turns } from './kit.ts'

test('of tables created at once under one name one is made', async (t) => {
  await using db = await openMemory()
  const outcomes = await Promise.all([1, 2, 3].map(() => outcome(db.createTable(small).then(() => 'made'))))
  t.deepEqual(outcomes.sort(), ['TABLE_EXISTS', 'TABLE_EXISTS', 'made'])
  const again = await Promise.all([1, 2, 3].map(() => db.createTable(small, { ifNotExists: true })))
  for (const table of again) t.is(table.name, 'small')
})

test('createTable with ifNotExists, called many times at once, gives all callers the one table', async (t) => {
  await using db = await openMemory()
  const tables = await Promise.all([1, 2, 3, 4].map(() => db.createTable(small, { ifNotExists: true })))
  await Promise.all(tables.map((table, i) => table.insert(rowsFrom(i))))
  t.is(await tables[0]?.count(), 4)
  t.is(db.tables().length, 1)
})

test('a definition that differs from the stored one is refused, saying how', async (t) => {
  const vfs = new MemoryVfs()
  const first = await openMemory({}, { vfs })
  await first.createTable(small)
  await first.close()
  await using db = await openMemory({}, { vfs })
  const other = defineTable('small', {
    columns: { id: int32(), text: string().nullable(), more: double() },
    primaryKey: ['id'],
  })
  const fewer = defineTable('small', { columns: { id: int32() }, primaryKey: ['id'] })
  const error = t.throws<VarveError>(() => db.table(other), { instanceOf: VarveError, code: 'SCHEMA_MISMATCH' })
  t.deepEqual(error?.context['added'], ['more'])
  t.deepEqual(error?.context['removed'], [])
  t.is((error?.context['changed'] as unknown[]).length, 1)
  t.deepEqual(t.throws<VarveError>(() => db.table(fewer))?.context['removed'], ['text'])
  t.is(await outcome(db.createTable(other, { ifNotExists: true })), 'SCHEMA_MISMATCH')
  t.is(await outcome(db.createTable(other)), 'TABLE_EXISTS')
  const parted = defineTable('small', { columns: small.columns, primaryKey: ['id'], partitionBy: hashPartition(['id'], 2) })
  t.throws(() => db.table(parted), { code: 'SCHEMA_MISMATCH' })
  t.notThrows(() => db.table(small))
})

test('a table that is not there is named, with the nearest name', async (t) => {
  await using db = await openMemory()
  await db.createTable({ ...small, name: 'flights' })
  t.regex(t.throws(() => db.table('fligths'), { code: 'TABLE_NOT_FOUND' })?.message ?? '', /flights/)
  t.is(await outcome(db.dropTable('fligths')), 'TABLE_NOT_FOUND')
  t.is(await outcome(db.flush('fligths')), 'TABLE_NOT_FOUND')
})

test('a dropped table is gone, with its files, and stays gone; its name can be used again', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 100))
  await db.flush()
  await table.insert(rowsFrom(100, 100))
  await db.dropTable(table)
  for (const call of [table.get(1), table.insert(rowsFrom(1)), table.count(), table.scan().toArray(), db.dropTable('small')])
    t.is(await outcome(call as Promise<unknown>), 'TABLE_NOT_FOUND')
  const again = await db.createTable(small)
  t.is(await again.count(), 0)
  await again.insert(rowsFrom(5, 2))
  await turns(3)
  t.deepEqual(sstFiles(vfs), [])
  const reopened = await openMemory({}, { vfs: vfs.crash({ mode: 'kill' }) })
  t.is(await reopened.table('small').count(), 2)
  await reopened.close()
})

test('tables dropped and created again without waiting take turns', async (t) => {
  await using db = await openMemory()
  await db.createTable(small)
  const outcomes = await Promise.all([
    outcome(db.dropTable('small').then(() => 'dropped')),
    outcome(db.createTable(small).then(() => 'made')),
    outcome(db.dropTable('small').then(() => 'dropped')),
    outcome(db.createTable(small, { ifNotExists: true }).then(() => 'made')),
  ])
  t.true(
    outcomes.every((o) => ['dropped', 'made', 'TABLE_NOT_FOUND', 'TABLE_EXISTS'].includes(o)),
    String(outcomes),
  )
  t.is(outcomes[0], 'dropped')
  t.is(await (await db.createTable(small, { ifNotExists: true })).insert(rowsFrom(1)), 1)
})

test('a scan of a table that is dropped meanwhile reads to its end, and the files go then', async (t) => {
  const vfs = new MemoryVfs()
  await using db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 40_000))
  await db.flush()
  await table.insert(rowsFrom(40_000, 5000))
  let seen = 0
  for await (const _ of table.scan()) if (++seen === 10) await db.dropTable(table)
  t.is(seen, 45_000)
  await turns(3)
  t.deepEqual(sstFiles(vfs), [])
  t.is(db.metrics().memory.writeBufferBytes, 0)
})

test('a table dropped while it is flushed leaves no file and no memory behind', async (t) => {
  const vfs = new MemoryVfs()
  await using db = await openMemory({}, { vfs })
  for (let turn = 0; turn < 8; turn++) {
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 30_000))
    const flushing = outcome(db.flush())
    await turns(turn)
    await db.dropTable(table)
    t.is(await flushing, undefined, `turn ${turn}`)
    await turns(3)
    t.deepEqual(sstFiles(vfs), [], `turn ${turn}`)
    t.is(db.metrics().memory.writeBufferBytes, 0)
  }
})

test('writes that wait while their table is dropped are finished before it or refused, and leave no memory behind', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  const writes = Array.from({ length: 8 }, (_, i) => outcome(table.insert(rowsFrom(i * 10_000, 10_000))))
  const dropping = db.dropTable(table)
  const late = Array.from({ length: 4 }, (_, i) => outcome(table.insert(rowsFrom(900_000 + i * 10_000, 10_000))))
  await dropping
  for (const result of await Promise.all([...writes, ...late])) t.true(result === 10_000 || result === 'TABLE_NOT_FOUND', String(result))
  t.is(db.metrics().memory.writeBufferBytes, 0)
})

test('a table whose drop could not be written is there as before', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 100))
  using full = vfs.inject({ op: 'append', path: /MANIFEST/, error: 'ENOSPC' })
  t.is(await outcome(db.dropTable(table)), 'DISK_FULL')
  full[Symbol.dispose]()
  t.is(await table.count(), 100)
  t.is(await table.insert(rowsFrom(100)), 1)
  await db.flush()
  await db.close()
  const again = await openMemory({}, { vfs })
  t.is(await again.table('small').count(), 101)
  await again.close()
})
