import test from 'ava'
import type { Snapshot, Table } from '../../src/engine/api.ts'
import type { Change, TableWrites, UpdateValues, WriteBatch, WriteConflict, WriteCounts } from '../../src/engine/write-api.ts'
import { and, eq, gt } from '../../src/query/predicate.ts'
import { double, int32, int64, string, timestamp } from '../../src/schema/columns.ts'
import {
  defineTable,
  hashPartition,
  type InsertRow,
  type Row,
  type TableDefinition,
  type UpdateRow,
} from '../../src/schema/table-definition.ts'
import type { ColumnValue } from '../../src/schema/table-schema.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles only for `true`. */
function yes<_T extends true>(): void {}

const devices = defineTable('devices', {
  columns: {
    id: int32(),
    site: string(),
    status: string<'up' | 'down'>().default('up'),
    battery: double().nullable(),
    seen: timestamp(),
    total: int64().default(0n),
  },
  primaryKey: ['id'],
})
type D = typeof devices

const samples = defineTable('samples', {
  columns: { device: int32(), at: timestamp(), metric: string(), value: double() },
  primaryKey: ['device', 'metric', 'at'],
  partitionBy: hashPartition(['device'], 4),
})
type S = typeof samples

type Writable<T extends TableDefinition> = Table<T> & TableWrites<T>

// What follows is compiled, never run: a claim that did not hold would fail the type check, and so the tests.
declare const frozen: readonly InsertRow<D>[]

async function changesRows(d: Writable<D>, s: Writable<S>): Promise<void> {
  const inserted = await d.insert({ id: 1, site: 'a', seen: new Date() }, { ifExists: 'skip' })
  yes<Equal<typeof inserted, number>>()
  await d.insert(frozen, { durability: 'sync' })
  const nothing = await d.upsert([{ id: 1, site: 'a', seen: 5 }])
  yes<Equal<typeof nothing, void>>()
  const updated = await d.update([
    { id: 1, status: 'down' },
    { id: 2, battery: null },
    { id: 3, seen: new Date() },
    { id: 4, status: undefined },
  ])
  yes<Equal<typeof updated, number>>()
  await s.update({ device: 1, metric: 'temp', at: 5, value: 1 })
  yes<Equal<Awaited<ReturnType<typeof d.delete>>, number>>()
  await d.delete(1)
  await d.delete([1, { id: 2 }])
  await s.delete({ device: 1, metric: 'temp', at: new Date() })
  yes<
    Equal<
      UpdateValues<D>,
      {
        site?: string | undefined
        status?: 'up' | 'down' | undefined
        battery?: number | null | undefined
        seen?: number | Date | undefined
        total?: bigint | undefined
      }
    >
  >()
  yes<Equal<UpdateValues<S>, { value?: number | undefined }>>()
  const matched: number = await d.updateWhere(gt('battery', 5), { status: 'down', seen: new Date() })
  yes<Equal<typeof matched, number>>()
  await d.deleteWhere(eq('status', 'down'), { signal: AbortSignal.timeout(5) })

  // @ts-expect-error missing required
  await d.upsert({ id: 1 })
  // @ts-expect-error key missing in update
  await d.update({ status: 'down' })
  // @ts-expect-error part of the key missing in update
  await s.update({ device: 1, value: 5 })
  // @ts-expect-error unknown column
  await d.update({ id: 1, statsu: 'down' })
  // @ts-expect-error wrong type
  await d.update({ id: 1, battery: 'full' })
  // @ts-expect-error null in a column that takes none
  await d.update({ id: 1, site: null })
  // @ts-expect-error no such manner
  await d.insert(frozen, { ifExists: 'replace' })
  // @ts-expect-error upserts have no manner
  await d.upsert(frozen, { ifExists: 'skip' })
  // @ts-expect-error wrong key type
  await d.delete('x')
  // @ts-expect-error a part of a key
  await s.delete({ device: 1 })
  // @ts-expect-error a key column cannot be updated
  await d.updateWhere(eq('id', 1), { id: 2 })
  // @ts-expect-error unknown column in a predicate
  await d.deleteWhere(eq('statsu', 'up'))
  // @ts-expect-error no predicate: deleting everything must be said
  await d.deleteWhere()
}

async function readsChanges(d: Writable<D>, s: Writable<S>, snapshot: Snapshot): Promise<void> {
  let last: Change<D> | undefined
  for await (const change of d.changes({ from: snapshot, to: new Date() })) {
    yes<Equal<typeof change.timestamp, number>>()
    if (change.op === 'delete') yes<Equal<typeof change.values, undefined>>()
    else yes<Equal<typeof change.values, Row<D>>>()
    await d.delete(change.key)
    last = change
  }
  if (last) for await (const { key } of d.changes({ from: last })) yes<Equal<typeof key, number | { id: number }>>()
  for await (const { key } of s.changes({ from: 0 })) yes<Equal<typeof key, { device: number; metric: string; at: number | Date }>>()
  // @ts-expect-error from when
  d.changes({})
}

async function batches(b: WriteBatch, d: Table<D>, s: Table<S>): Promise<void> {
  const counts = await b
    .insert(d, { id: 1, site: 'a', seen: 5 })
    .insert(d, frozen, { ifExists: 'skip' })
    .upsert(s, [{ device: 1, metric: 'temp', at: 5, value: 1 }])
    .update(d, { id: 1, status: 'down' })
    .delete(s, { device: 1, metric: 'temp', at: 5 })
    .expect(d, [1, { id: 2 }])
    .commit({ durability: 'sync' })
  yes<Equal<typeof counts, WriteCounts>>()
  // @ts-expect-error rows of another table
  b.insert(d, { device: 1, metric: 'temp', at: 5, value: 1 })
  // @ts-expect-error key missing
  b.update(s, { value: 5 })
  // @ts-expect-error keys of another table
  b.delete(s, 5)
  // @ts-expect-error keys of another table
  b.expect(d, { device: 1 })
  // @ts-expect-error a name says nothing of columns
  b.insert('devices', frozen)
}

/** Generic helpers as a user writes them: any table. */
async function change<T extends TableDefinition>(t: Writable<T>, b: WriteBatch, row: InsertRow<T>, update: UpdateRow<T>): Promise<void> {
  await t.upsert(row as never)
  await t.update(update)
  b.update(t, update)
  for await (const { key } of t.changes({ from: 0 })) await t.delete(key)
}

/** A table by its name: its columns are not known. */
// biome-ignore lint/suspicious/noExplicitAny: what `db.table(name)` gives.
async function anyTable(t: Writable<any>, b: WriteBatch): Promise<void> {
  await t.insert([{ anything: 1 }])
  await t.upsert({ anything: 1 })
  await t.update({ anything: 1 })
  await t.delete([1, 2])
  await t.updateWhere(eq('anything', 1), { other: 5 })
  await t.get(5)
  await t.scan({ prefix: 5, columns: ['anything'], where: and(eq('anything', 1), gt('other', 'x')) }).toArray()
  b.insert(t, { anything: 1 }).delete(t, 5)
}

test('writes, their misuse and what they give are known to the compiler', (t) => {
  for (const compiled of [changesRows, readsChanges, batches, change, anyTable]) t.is(typeof compiled, 'function')
})

test('the context of a conflict names table, key and moments', (t) => {
  yes<Equal<WriteConflict['key'], Readonly<Record<string, ColumnValue>>>>()
  const conflict: WriteConflict = { table: 'devices', key: { id: 1 }, changedTimestamp: 2, snapshotTimestamp: 1 }
  t.deepEqual(Object.keys(conflict), ['table', 'key', 'changedTimestamp', 'snapshotTimestamp'])
})
