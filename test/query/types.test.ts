import test from 'ava'
import type { AnyTable, ColumnBatch, Table } from '../../src/engine/api.ts'
import { type Aggregate, avg, bucket, count, countDistinct, first, last, max, min, sum } from '../../src/query/aggregate.ts'
import { and, between, eq, gt, inList, isNull, lte, ne, not, notNull, or, type Predicate, startsWith } from '../../src/query/predicate.ts'
import { binary, bool, double, int32, int64, string, timestamp } from '../../src/schema/columns.ts'
import { defineTable, hashPartition, type InsertRow, type Row, type TableDefinition } from '../../src/schema/table-definition.ts'

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
    small: int64({ mode: 'number' }).nullable().default(null),
    on: bool().nullable(),
    token: binary().nullable(),
  },
  primaryKey: ['id'],
})
type D = typeof devices
type DeviceRow = {
  id: number
  site: string
  status: 'up' | 'down'
  battery: number | null
  seen: number
  total: bigint
  small: number | null
  on: boolean | null
  token: Uint8Array | null
}

const samples = defineTable('samples', {
  columns: { device: int32(), at: timestamp(), metric: string(), value: double() },
  primaryKey: ['device', 'metric', 'at'],
  partitionBy: hashPartition(['device'], 4),
})
type S = typeof samples

// What follows is compiled, never run: a claim that did not hold would fail the type check, and so the tests.
declare const frozen: readonly InsertRow<D>[]

async function scans(d: Table<D>, s: Table<S>): Promise<void> {
  await d.insert({ id: 1, site: 'a', seen: new Date() })
  await d.insert(frozen)
  // @ts-expect-error missing required
  await d.insert({ id: 1 })
  // @ts-expect-error wrong key type
  await d.get('x')
  const one = await d.get(1)
  yes<Equal<typeof one, Row<D> | undefined>>()

  const where = and(eq('status', 'up'), gt('battery', 5), or(isNull('battery'), not(inList('site', ['a', 'b']))), eq('total', 5n))
  const rows = await d.scan({ columns: ['id', 'battery'], where }).toArray()
  yes<Equal<typeof rows, { id: number; battery: number | null }[]>>()
  const all = await d.scan().toArray()
  yes<Equal<typeof all, DeviceRow[]>>()
  const single = await d.scan({ columns: ['site'] }).first()
  yes<Equal<typeof single, { site: string } | undefined>>()
  for await (const row of d.scan({ columns: ['seen'] })) yes<Equal<typeof row, { seen: number }>>()
  for await (const batch of d.scan().batches()) yes<Equal<typeof batch, ColumnBatch>>()
  d.scan({ where: and(ne('on', true), notNull('token'), startsWith('site', 'x'), lte('seen', new Date()), between('small', 1, 5)) })

  // @ts-expect-error unknown column
  d.scan({ where: eq('statsu', 'up') })
  // @ts-expect-error unknown column asked for
  d.scan({ columns: ['sit'] })
  // @ts-expect-error wrong type
  d.scan({ where: eq('id', 'up') })
  // @ts-expect-error number against bigint
  d.scan({ where: gt('total', 5) })
  // @ts-expect-error bigint against number
  d.scan({ where: gt('small', 5n) })
  // @ts-expect-error typo deep inside
  d.scan({ where: and(eq('id', 1), or(eq('stie', 'a'), gt('id', 3))) })
  // @ts-expect-error wrong type under not
  d.scan({ where: not(eq('site', 5)) })
  // @ts-expect-error a prefix of a number
  d.scan({ where: startsWith('id', '1') })
  // @ts-expect-error a prefix must be leading
  s.scan({ prefix: { device: 1, at: 5 } })
  // @ts-expect-error no such order
  s.scan({ order: 'value' })

  s.scan({ prefix: { device: 7, metric: 'temp' }, where: between('at', new Date(0), new Date()), order: 'key', reverse: true, limit: 50 })
  s.scan({ gte: { device: 7 }, where: gt('at', Date.now() - 3_600_000) })
  s.scan({ where: and(between('at', Date.now() - 3_600_000, new Date()), inList('metric', [])) })
  // @ts-expect-error bounds of two types
  d.scan({ where: between('site', 'a', 5) })
  // @ts-expect-error an empty list of a column that is not there
  d.scan({ where: inList('stie', []) })
}

async function aggregates(d: Table<D>, s: Table<S>): Promise<void> {
  const total = await s.aggregate({ select: { n: count(), mean: avg('value'), top: max('metric') } })
  yes<Equal<typeof total, { n: number; mean: number | null; top: string | null }>>()
  const hourly = await s.aggregate({
    select: { mean: avg('value'), n: count() },
    groupBy: { hour: bucket('at', '1h'), device: 'device' },
    where: eq('metric', 'temp'),
    orderBy: ['hour', { column: 'mean', direction: 'descending' }],
    limit: 10,
  })
  yes<Equal<typeof hourly, { hour: number; device: number; mean: number | null; n: number }[]>>()
  const latest = await s.aggregate({ select: { value: last('value', { by: 'at' }) }, groupBy: ['device', 'metric'] })
  yes<Equal<typeof latest, { device: number; metric: string; value: number | null }[]>>()
  const sums = await d.aggregate({ select: { t: sum('total'), s: sum('small'), a: avg('total') } })
  yes<Equal<typeof sums, { t: bigint | null; s: number | null; a: number | null }>>()
  const kinds = await d.aggregate({
    select: { on: min('on'), token: max('token'), sites: countDistinct('site'), b: count('battery'), f: first('status', { by: 'seen' }) },
  })
  yes<Equal<typeof kinds, { on: boolean | null; token: Uint8Array | null; sites: number; b: number; f: 'up' | 'down' | null }>>()
  const nullable = await d.aggregate({ select: { n: count() }, groupBy: ['battery'] })
  yes<Equal<typeof nullable, { battery: number | null; n: number }[]>>()
  const n = await d.count({ where: eq('status', 'up') })
  yes<Equal<typeof n, number>>()

  // @ts-expect-error sum of a string
  await d.aggregate({ select: { t: sum('site') } })
  // @ts-expect-error mean of a boolean
  await d.aggregate({ select: { t: avg('on') } })
  // @ts-expect-error unknown column
  await d.aggregate({ select: { t: max('sit') } })
  // @ts-expect-error unknown column that decides
  await d.aggregate({ select: { t: last('site', { by: 'when' }) } })
  // @ts-expect-error unknown group
  await d.aggregate({ select: { n: count() }, groupBy: ['sit'] })
  // @ts-expect-error a bucket of strings
  await d.aggregate({ select: { n: count() }, groupBy: { b: bucket('site', 5) } })
  // @ts-expect-error order by something that the result does not have
  await d.aggregate({ select: { n: count() }, groupBy: ['site'], orderBy: 'status' })
  // @ts-expect-error no aggregate
  await d.aggregate({ select: { n: 'count' } })
}

/** A generic helper as a user writes it: any table. */
async function dump<T extends TableDefinition>(t: Table<T>): Promise<Row<T>[]> {
  const out: Row<T>[] = []
  for await (const row of t.scan()) out.push(row as Row<T>)
  return out
}

/** A typed table passed where "any table" is wanted. */
function anyTable(d: Table<D>, take: (t?: AnyTable | TableDefinition | string) => void, takeStrict: (t?: Table | string) => void): void {
  take(d)
  take(devices)
  take('devices')
  // @ts-expect-error Table<D> is not a Table<TableDefinition>: write and read positions make it invariant
  takeStrict(d)
}

test('rows, results and misuse of scans and aggregates are known to the compiler', (t) => {
  for (const compiled of [scans, aggregates, dump, anyTable]) t.is(typeof compiled, 'function')
})

test('a predicate fits every table that has its columns, with their types', (t) => {
  yes<Predicate<{ id: number | null }> extends Predicate<DeviceRow> ? true : false>()
  yes<Predicate<{ nope: number | null }> extends Predicate<DeviceRow> ? false : true>()
  yes<Predicate<{ id: string | null }> extends Predicate<DeviceRow> ? false : true>()
  yes<Aggregate<{ id: unknown }, 'value', 'id'> extends Aggregate<DeviceRow, string, string> ? true : false>()
  t.pass()
})

test('predicates and aggregates are frozen: they may be shared by many scans', (t) => {
  const values = ['a', 'b']
  const listed = inList('site', values)
  values.push('c')
  t.deepEqual(listed as unknown, { op: 'in', column: 'site', values: ['a', 'b'] })
  for (const node of [listed, and(), eq('id', 1), isNull('id'), count(), last('value', { by: 'at' }), bucket('at', '1h')])
    t.true(Object.isFrozen(node))
})
