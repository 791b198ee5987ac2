import test from 'ava'
import { VarveError } from '../../src/base/errors.ts'
import { type AnyColumn, binary, bool, double, int8, int32, int64, string, timestamp } from '../../src/schema/columns.ts'
import { definitionMismatch, schemaDifference } from '../../src/schema/schema-diff.ts'
import {
  defineTable,
  definitionFromSchema,
  hashPartition,
  rangePartition,
  schemaFromDefinition,
  type TableDefinition,
} from '../../src/schema/table-definition.ts'

/** As JavaScript without types calls it. */
const define = defineTable as unknown as (name: unknown, spec: unknown) => TableDefinition
const columns = {
  device: int32(),
  metric: string(),
  at: timestamp(),
  value: double().nullable(),
  total: int64({ mode: 'number' }).default(3),
}
const samples = defineTable('samples', {
  columns,
  primaryKey: ['device', 'metric', 'at'],
  partitionBy: rangePartition(['device', 'metric'], [[1], [1, 'b'], { device: 5 }]),
  maintenance: { priority: 2 },
  retention: { historyMs: 5 },
})

test('a definition becomes a plain schema with ids', (t) => {
  const schema = schemaFromDefinition(samples, { tableId: 7 })
  t.deepEqual(schema, {
    tableId: 7,
    name: 'samples',
    version: 1,
    nextColumnId: 6,
    keyColumns: [0, 1, 2],
    columns: [
      { id: 1, name: 'device', kind: 'int32', nullable: false, mode: 'bigint' },
      { id: 2, name: 'metric', kind: 'string', nullable: false, mode: 'bigint' },
      { id: 3, name: 'at', kind: 'timestamp', nullable: false, mode: 'bigint' },
      { id: 4, name: 'value', kind: 'double', nullable: true, mode: 'bigint' },
      { id: 5, name: 'total', kind: 'int64', nullable: false, mode: 'number', default: 3 },
    ],
    partition: { scheme: 'range', columns: [0, 1], boundsHex: ['80000001', '80000001620000', '80000005'] },
    maintenance: { priority: 2, compaction: true },
    retentionMs: 5,
  })
  t.deepEqual(structuredClone(schema), schema)
})

test('a stored schema gives back a definition that has it', (t) => {
  const hashed = defineTable('h', { columns: { a: bool(), b: binary() }, primaryKey: ['b', 'a'], partitionBy: hashPartition(['a'], 3) })
  const plain = defineTable('p', { columns: { a: int8() }, primaryKey: ['a'] })
  for (const definition of [samples, hashed, plain] as TableDefinition[]) {
    const schema = schemaFromDefinition(definition, { tableId: 3 })
    t.deepEqual(schemaFromDefinition(definitionFromSchema(schema), { tableId: 3 }), schema)
    t.is(definitionMismatch(definitionFromSchema(schema), schema), undefined)
  }
})

test('what users of JavaScript get wrong in a definition is told with what to do', (t) => {
  const key = ['a']
  const a = int32()
  const wrong: [() => unknown, RegExp][] = [
    [() => define('', { columns: { a }, primaryKey: key }), /1 to 128 characters/],
    [() => define(5, { columns: { a }, primaryKey: key }), /a name that is a string; got 5/],
    [() => define(' x', { columns: { a }, primaryKey: key }), /white space/],
    [() => define('x'.repeat(129), { columns: { a }, primaryKey: key }), /got 129/],
    [() => define('x\n1', { columns: { a }, primaryKey: key }), /control characters/],
    [() => define('x\ud800', { columns: { a }, primaryKey: key }), /lone surrogates/],
    [() => define('x', { columns: { a, ['__proto__']: a }, primaryKey: key }), /__proto__/],
    [() => define('x', undefined), /takes an object/],
    [() => define('x', { columns: [], primaryKey: key }), /columns is an object/],
    [() => define('x', { columns: {}, primaryKey: key }), /has no columns/],
    [() => define('x', { columns: { a: int32 }, primaryKey: key }), /call it, as in a: int32\(\)/],
    [() => define('x', { columns: { a: 'int32' }, primaryKey: key }), /must be made by a column type/],
    [() => define('x', { columns: { a }, primaryKey: [] }), /an empty array/],
    [() => define('x', { columns: { a }, primaryKey: 'a' }), /primaryKey is an array/],
    [() => define('x', { columns: { alpha: a }, primaryKey: ['alhpa'] }), /no column\. Did you mean "alpha"/],
    [() => define('x', { columns: { a }, primaryKey: ['toString'] }), /no column/],
    [() => define('x', { columns: { a }, primaryKey: ['a', 'a'] }), /twice/],
    [() => define('x', { columns: { a: a.nullable() }, primaryKey: key }), /nullable; a key has no nulls/],
    [() => define('x', { columns: { a: double() }, primaryKey: key }), /is a double; use a whole number/],
    [() => define('x', { columns: { a }, primarykey: key }), /Unknown option "primarykey".*Did you mean "primaryKey"/],
    [() => define('x', { columns: { a }, primaryKey: key, maintenance: { priorty: 1 } }), /Did you mean "priority"/],
    [() => define('x', { columns: { a }, primaryKey: key, maintenance: { priority: '1' } }), /priority is a number/],
    [() => define('x', { columns: { a }, primaryKey: key, maintenance: { priority: 6 } }), /priority is a number from −5 to 5; got 6/],
    [() => define('x', { columns: { a }, primaryKey: key, maintenance: { compaction: 1 } }), /true or false/],
    [() => define('x', { columns: { a }, primaryKey: key, retention: { historyMs: -1 } }), /milliseconds, 0 or more/],
    [
      () => define('x', { columns: { a, b: a }, primaryKey: key, partitionBy: hashPartition(['b'], 2) }),
      /partitioned by "b", which is not in its primary key \(a\)/,
    ],
    [
      () => define('x', { columns: { a }, primaryKey: key, partitionBy: 5 }),
      /partitionBy takes hashPartition\(columns, count\) or range.*got 5/,
    ],
    [
      () => define('x', { columns: { a }, primaryKey: key, partitionBy: { scheme: 'list', columns: key } }),
      /partitionBy takes hashPartition/,
    ],
    [
      () => define('x', { columns: { a }, primaryKey: key, partitionBy: { scheme: 'hash', columns: key, count: 0 } }),
      /count from 1 to 1024; got 0/,
    ],
    [() => int64({ mod: 'number' } as never), /int64 has no option "mod"; there is mode\. Did you mean "mode"/],
    [() => define('x', { columns: { a }, primaryKey: key, partitionBy: rangePartition(['a'], [5, 5]) }), /Bound 1 .* is not above bound 0/],
    [
      () => define('x', { columns: { a }, primaryKey: key, partitionBy: rangePartition(['a'], [5, 'x']) }),
      /Bound 1 .*"x" is not a valid int32/,
    ],
    [() => define('x', { columns: { a }, primaryKey: key, partitionBy: rangePartition(['a'], [[1, 2]]) }), /has 2 values; give 1 to 1/],
    [
      () => define('x', { columns: { a, b: a }, primaryKey: ['a', 'b'], partitionBy: rangePartition(['a', 'b'], [5]) }),
      /Bound 0 .* an object \{ a, b \}; got 5/,
    ],
    [() => hashPartition(['a'], 0), /count from 1 to 1024; got 0/],
    [() => hashPartition(['a'], 1025), /count from 1 to 1024/],
    [() => hashPartition(['a'], 1.5), /count from 1 to 1024/],
    [() => hashPartition([], 2), /one or more key columns/],
    [() => hashPartition(['a', 'a'], 2), /twice/],
    [() => rangePartition(['a'], []), /1 to 1023 bounds; got 0/],
    [() => int64({ mode: 'string' as 'bigint' }), /'bigint' or 'number'/],
    [() => string().default('\ud800'), /lone surrogate/],
    [() => int8().default(128), /The default of the int8 column does not fit it: 128 is outside/],
    [() => (int32() as AnyColumn).default(undefined), /give a value/],
  ]
  for (const [run, message] of wrong) t.throws(run, { instanceOf: TypeError, message }, String(message))
})

test('columns and definitions do not change once made', (t) => {
  const base = int32()
  t.not(base.nullable(), base as unknown as ReturnType<typeof base.nullable>)
  t.false(base.spec.nullable)
  t.throws(() => Object.assign(samples, { name: 'other' }))
  t.throws(() => Object.assign(samples.columns, { other: base }))
  const bytes = Uint8Array.of(1)
  const column = binary().default(bytes)
  bytes[0] = 9
  t.deepEqual(column.spec.default, Uint8Array.of(1))
})

test('a definition that differs from what is stored is SCHEMA_MISMATCH, and says in what', (t) => {
  const stored = schemaFromDefinition(samples, { tableId: 1 })
  const other = defineTable('samples', {
    columns: { metric: string(), device: int32(), at: timestamp(), value: double(), extra: bool().nullable() },
    primaryKey: ['device', 'at'],
  })
  t.deepEqual(schemaDifference(other, stored), {
    added: ['extra'],
    removed: ['total'],
    changed: [
      'column value: stored double, nullable, defined double',
      'primary key: stored (device, metric, at), defined (device, at)',
      'partitions: stored ranges of (device, metric) at 80000001, 80000001620000, 80000005 (encoded), defined none',
    ],
  })
  const error = definitionMismatch(other, stored)
  t.true(error instanceof VarveError)
  t.is(error?.code, 'SCHEMA_MISMATCH')
  t.like(error?.context, { table: 'samples', added: ['extra'], removed: ['total'] })
  t.regex(error?.message ?? '', /not stored: extra; not in the definition: total; column value/)
  t.is(definitionMismatch(samples, stored), undefined)
  const long = 'x'.repeat(100)
  const withDefault = (text: string) => defineTable('t', { columns: { a: int32(), b: string().default(text) }, primaryKey: ['a'] })
  t.is(schemaDifference(withDefault(`${long}1`), schemaFromDefinition(withDefault(`${long}2`), { tableId: 1 }))?.changed.length, 1)
})
