import test from 'ava'
import { type AnyTable, bool, type Database, defineTable, double, int32, string, type TableInfo, timestamp } from '../../src/index.ts'

const devices = defineTable('devices', {
  columns: { id: int32(), site: string(), status: string<'up' | 'down'>().default('up'), battery: double().nullable() },
  primaryKey: ['id'],
})

// What follows is compiled, never run: a claim that did not hold would fail the type check, and so the tests.
async function alters(db: Database, any: AnyTable, info: TableInfo): Promise<void> {
  const table = await db.createTable(devices, { ifNotExists: true, migrate: 'add-columns' })
  await db.alterTable(devices, {
    addColumns: { seen: timestamp().default(new Date(0)), note: string().nullable(), on: bool().default(true).nullable() },
    dropColumns: ['site', 'battery'],
    renameColumns: { status: 'state', id: 'device' },
    renameTo: 'machines',
  })
  await db.alterTable(table, { dropColumns: ['status'] })
  await db.alterTable('devices', { dropColumns: ['whatever'], renameColumns: { this: 'that' } })
  await db.alterTable(any, { dropColumns: ['whatever'], renameColumns: { this: 'that' } })
  await db.alterTable(info, { dropColumns: ['whatever'] })
  await db.alterTable(table, {})

  // @ts-expect-error rows that are there would have no value in it
  await db.alterTable(devices, { addColumns: { seen: timestamp() } })
  // @ts-expect-error and of a table that is known by name alone neither
  await db.alterTable('devices', { addColumns: { seen: timestamp() } })
  // @ts-expect-error a column of the key cannot be dropped
  await db.alterTable(devices, { dropColumns: ['id'] })
  // @ts-expect-error no such column
  await db.alterTable(table, { dropColumns: ['sites'] })
  // @ts-expect-error no such column
  await db.alterTable(table, { renameColumns: { sites: 'place' } })
  // @ts-expect-error a name is a string
  await db.alterTable(table, { renameColumns: { site: 5 } })
  // @ts-expect-error columns are made by column types
  await db.alterTable(table, { addColumns: { seen: 'timestamp' } })
  // @ts-expect-error no such change
  await db.alterTable(table, { retypeColumns: { site: int32() } })
  // @ts-expect-error it says which table, and what is to change
  await db.alterTable(table)
  // @ts-expect-error there are two ways
  await db.createTable(devices, { migrate: 'all' })
}

test('changes of tables are checked by their types', (t) => {
  t.is(typeof alters, 'function')
})
