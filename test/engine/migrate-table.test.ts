import test from 'ava'
import { defineTable, hashPartition, int32, string, type VarveError } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { inEveryPlace, inEveryPlaceRows, sameByEveryRead } from './altered-tables.ts'
import { outcome, small } from './kit.ts'

const wider = defineTable('small', {
  columns: { id: int32(), text: string(), n: int32().default(7), note: string().nullable() },
  primaryKey: ['id'],
})

test('createTable adds the columns that the stored table lacks, if asked to', async (t) => {
  const vfs = new MemoryVfs()
  const first = await openMemory({}, { vfs })
  await inEveryPlace(first)
  await first.close()
  await using db = await openMemory({}, { vfs })
  t.is(await outcome(db.createTable(wider, { ifNotExists: true })), 'SCHEMA_MISMATCH')
  t.is(await outcome(db.createTable(wider, { ifNotExists: true, migrate: 'none' })), 'SCHEMA_MISMATCH')
  t.is(await outcome(db.createTable(wider, { ifNotExists: false, migrate: 'add-columns' })), 'TABLE_EXISTS')
  const tables = await Promise.all([1, 2, 3].map(() => db.createTable(wider, { ifNotExists: true, migrate: 'add-columns' })))
  for (const table of tables) t.is(table, tables[0] as typeof table)
  const expected = inEveryPlaceRows.map((row) => ({ ...row, n: 7, note: null }))
  await sameByEveryRead(t, db.table('small'), expected)
  const { definition } = db.table('small')
  t.is(await db.createTable(wider, { migrate: 'add-columns' }), tables[0] as never, 'what is there already is given')
  t.is(db.table('small').definition, definition)
  const fresh = await db.createTable({ ...wider, name: 'fresh' }, { ifNotExists: true, migrate: 'add-columns' })
  await fresh.insert({ id: 1, text: 'x' })
  t.is(await fresh.count(), 1)
})

test('createTable migrates nothing but missing columns', async (t) => {
  await using db = await openMemory()
  const table = await inEveryPlace(db)
  const { id, text } = small.columns
  const migrate = { ifNotExists: true, migrate: 'add-columns' } as const
  const note = string().nullable()
  const others = [
    defineTable('small', { columns: { id, note }, primaryKey: ['id'] }),
    defineTable('small', { columns: { id, text: string().nullable(), note }, primaryKey: ['id'] }),
    defineTable('small', { columns: { id, text, note }, primaryKey: ['id', 'text'] }),
    defineTable('small', { columns: { id, text, note }, primaryKey: ['id'], partitionBy: hashPartition(['id'], 2) }),
    defineTable('small', { columns: { id, text, n: int32(), note }, primaryKey: ['id'] }),
  ]
  for (const other of others) {
    const error = await t.throwsAsync<VarveError>(db.createTable(other as never, migrate), { code: 'SCHEMA_MISMATCH' })
    t.true((error?.context['added'] as string[]).includes('note'))
  }
  t.regex(String(await outcome(db.createTable(wider, { migrate: 'all' as never }))), /TypeError: migrate is/)
  t.notThrows(() => db.table(small))
  await sameByEveryRead(t, table, inEveryPlaceRows)
})
