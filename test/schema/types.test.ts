import test from 'ava'
import { type AnyColumn, binary, bool, double, float, int8, int16, int32, int64, string, timestamp } from '../../src/schema/columns.ts'
import {
  defineTable,
  hashPartition,
  type InsertRow,
  type Key,
  type KeyPrefix,
  type Row,
  rangePartition,
  type TableDefinition,
  type UpdateRow,
  type UpsertRow,
} from '../../src/schema/table-definition.ts'

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
  },
  primaryKey: ['id'],
  partitionBy: hashPartition(['id'], 2),
  maintenance: { priority: 0, compaction: true },
})
type D = typeof devices

const samples = defineTable('samples', {
  columns: { device: int32(), at: timestamp(), metric: string(), value: double() },
  primaryKey: ['device', 'metric', 'at'],
  partitionBy: hashPartition(['device'], 4),
})
type S = typeof samples

test('rows, inserts, updates, keys and prefixes are inferred from a definition', (t) => {
  yes<
    Equal<
      Row<D>,
      { id: number; site: string; status: 'up' | 'down'; battery: number | null; seen: number; total: bigint; small: number | null }
    >
  >()
  yes<
    Equal<
      InsertRow<D>,
      {
        id: number
        site: string
        seen: number | Date
        status?: 'up' | 'down' | undefined
        battery?: number | null | undefined
        total?: bigint | undefined
        small?: number | null | undefined
      }
    >
  >()
  yes<Equal<UpsertRow<D>, InsertRow<D>>>()
  yes<
    Equal<
      UpdateRow<D>,
      {
        id: number
        site?: string | undefined
        status?: 'up' | 'down' | undefined
        battery?: number | null | undefined
        seen?: number | Date | undefined
        total?: bigint | undefined
        small?: number | null | undefined
      }
    >
  >()
  yes<Equal<Key<D>, number | { id: number }>>()
  yes<Equal<KeyPrefix<D>, number | { id: number }>>()
  yes<Equal<Key<S>, { device: number; metric: string; at: number | Date }>>()
  const prefixes: KeyPrefix<S>[] = [{ device: 1 }, { device: 1, metric: 'temp' }, { device: 1, metric: 'temp', at: new Date() }]
  // @ts-expect-error a prefix must be leading
  const notLeading: KeyPrefix<S> = { device: 1, at: 5 }
  t.deepEqual([prefixes.length, Object.keys(notLeading).length], [3, 2])
})

test('every kind of column has the value type that it says', (t) => {
  const all = defineTable('all', {
    columns: {
      a: bool(),
      b: int8(),
      c: int16(),
      d: int32(),
      e: int64(),
      f: int64({ mode: 'number' }),
      g: float(),
      h: double(),
      i: timestamp(),
      j: string(),
      k: binary(),
      l: int64({ mode: 'bigint' }),
      m: timestamp().default(new Date(5)),
    },
    primaryKey: ['e', 'j', 'k', 'a'],
  })
  yes<
    Equal<
      Row<typeof all>,
      {
        a: boolean
        b: number
        c: number
        d: number
        e: bigint
        f: number
        g: number
        h: number
        i: number
        j: string
        k: Uint8Array
        l: bigint
        m: number
      }
    >
  >()
  t.is(all.columns.m.spec.default, 5)
})

test('what would fail when it runs does not compile, and fails when it runs', (t) => {
  // @ts-expect-error unknown key column
  t.throws(() => defineTable('x', { columns: { a: int32() }, primaryKey: ['b'] }), { instanceOf: TypeError })
  // @ts-expect-error nullable key
  t.throws(() => defineTable('x', { columns: { a: int32().nullable() }, primaryKey: ['a'] }), { instanceOf: TypeError })
  // @ts-expect-error float key
  t.throws(() => defineTable('x', { columns: { a: double() }, primaryKey: ['a'] }), { instanceOf: TypeError })
  // @ts-expect-error partition column not of the key
  t.throws(() => defineTable('x', { columns: { a: int32(), b: int32() }, primaryKey: ['a'], partitionBy: hashPartition(['b'], 2) }), {
    instanceOf: TypeError,
  })
  // @ts-expect-error empty key
  t.throws(() => defineTable('x', { columns: { a: int32() }, primaryKey: [] }), { instanceOf: TypeError })
  // @ts-expect-error wrong default
  t.throws(() => int32().default('x'), { instanceOf: TypeError })
  // @ts-expect-error null default before nullable
  t.throws(() => int32().default(null), { instanceOf: TypeError })
  // @ts-expect-error number default of a bigint column
  t.throws(() => int64().default(5), { instanceOf: TypeError })
  t.notThrows(() =>
    defineTable('x', { columns: { a: int32(), b: int32() }, primaryKey: ['a', 'b'], partitionBy: rangePartition(['a'], [1, 2]) }),
  )
})

test('any definition and any column fit the general types', (t) => {
  const definitions: TableDefinition[] = [devices, samples]
  const columns: AnyColumn[] = [int32(), string<'a'>().nullable(), int64().default(1n), timestamp().nullable().default(null)]
  t.deepEqual([definitions.length, columns.length], [2, 4])
})

test('a helper that a user writes for any table takes the rows of any table', (t) => {
  function firstColumn<T extends TableDefinition>(table: T, row: Row<T>): unknown {
    return (row as Readonly<Record<string, unknown>>)[Object.keys(table.columns)[0] as string]
  }
  t.is(firstColumn(samples, { device: 7, at: 1, metric: 'temp', value: 1 }), 7)
})
