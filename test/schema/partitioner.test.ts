import test from 'ava'
import fc from 'fast-check'
import { encodeKey, encodeKeys, hashKeys, keyRange, singleKey } from '../../src/schema/key-encoding.ts'
import { encodePartitionBound } from '../../src/schema/partition-encoding.ts'
import { partitionOfKey, partitionOfKeys, partitionRows, tabletCount, tabletsForRange } from '../../src/schema/partitioner.ts'
import type { ColumnSchema, ColumnValue, PartitionSchema, TableSchema } from '../../src/schema/table-schema.ts'
import { blockOf, type ColumnSketch, schemaOf } from './support/schemas.ts'

const fixedKey: ColumnSketch[] = [{ kind: 'int32' }, { kind: 'int16' }, { kind: 'bool' }]
const variableKey: ColumnSketch[] = [{ kind: 'int32' }, { kind: 'string' }, { kind: 'bool' }]

function ranged(columns: ColumnSketch[], by: number[], bounds: unknown[]): TableSchema {
  const plain = schemaOf(columns, [0, 1, 2])
  const partition: PartitionSchema = {
    scheme: 'range',
    columns: by,
    boundsHex: bounds.map((bound, i) =>
      Buffer.from(
        encodePartitionBound(
          't',
          by.map((p) => plain.columns[p] as ColumnSchema),
          bound,
          i,
        ),
      ).toString('hex'),
    ),
  }
  return schemaOf(columns, [0, 1, 2], { partition })
}
const hashed = (columns: ColumnSketch[], by: number[], count: number) =>
  schemaOf(columns, [0, 1, 2], { partition: { scheme: 'hash', columns: by, count } })

const tables: TableSchema[] = [
  schemaOf(fixedKey, [0, 1, 2]),
  hashed(fixedKey, [0], 4),
  hashed(fixedKey, [1], 5),
  hashed(fixedKey, [2, 0], 3),
  hashed(fixedKey, [0, 1, 2], 7),
  hashed(fixedKey, [0], 1),
  hashed(variableKey, [0], 4),
  hashed(variableKey, [1], 4),
  hashed(variableKey, [0, 1], 4),
  hashed(variableKey, [0, 1, 2], 4),
  ranged(fixedKey, [0], [-1, 0, 2]),
  ranged(fixedKey, [0, 1], [[0], [0, 1], { c0: 1 }]),
  ranged(fixedKey, [1], [0]),
  ranged(variableKey, [0, 1], [[0, 'a'], [0, 'b'], [1]]),
  ranged(variableKey, [1], ['a', 'b']),
]
const small = fc.integer({ min: -2, max: 3 })
const words = fc.constantFrom('', 'a', 'aa', 'b', 'c', '\0', '\u{1F600}')

test('rows, keys and key bytes go to one and the same tablet, which every range that holds them names', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...tables),
      fc.array(fc.tuple(small, small, words, fc.boolean()), { minLength: 1, maxLength: 12 }),
      fc.nat(),
      (schema, sketches, pick) => {
        const variable = schema.columns[1]?.kind === 'string'
        const rows = sketches.map(([a, b, text, flag]): ColumnValue[] => [a, variable ? text : b, flag])
        const block = blockOf(schema, rows)
        const keys = encodeKeys(schema, block)
        const parts = partitionRows(schema, block, keys) ?? new Uint16Array(rows.length)
        const bound = rows[pick % rows.length] as ColumnValue[]
        const length = 1 + (pick % 3)
        const prefix = Object.fromEntries(bound.slice(0, length).map((value, k) => [`c${k}`, value]))
        rows.forEach((row, i) => {
          const key = { c0: row[0], c1: row[1], c2: row[2] }
          const part = parts[i] as number
          t.true(part < tabletCount(schema))
          t.is(partitionOfKeys(schema, keys, i), part)
          t.is(partitionOfKeys(schema, singleKey(schema, key), 0), part)
          t.is(partitionOfKey(schema, encodeKey(schema, key)), part)
          t.deepEqual(tabletsForRange(schema, keyRange(schema, { prefix: key })), [part])
          const equal = row.slice(0, length).every((value, k) => value === bound[k])
          if (equal) t.true(tabletsForRange(schema, keyRange(schema, { prefix })).includes(part))
          if (Number(row[0]) >= Number(bound[0]))
            t.true(tabletsForRange(schema, keyRange(schema, { gte: { c0: bound[0] } })).includes(part))
          if (Number(row[0]) > Number(bound[0])) t.true(tabletsForRange(schema, keyRange(schema, { gt: { c0: bound[0] } })).includes(part))
          if (Number(row[0]) <= Number(bound[0]))
            t.true(tabletsForRange(schema, keyRange(schema, { lte: { c0: bound[0] } })).includes(part))
          if (Number(row[0]) < Number(bound[0])) t.true(tabletsForRange(schema, keyRange(schema, { lt: { c0: bound[0] } })).includes(part))
        })
      },
    ),
    { numRuns: 600 },
  )
})

test('bounds of range partitions cut where they say', (t) => {
  const schema = ranged(fixedKey, [0], [0, 10])
  const part = (c0: number) => partitionOfKeys(schema, singleKey(schema, { c0, c1: -32768, c2: false }), 0)
  t.deepEqual([-1, 0, 9, 10, 11].map(part), [0, 1, 1, 2, 2])
  t.deepEqual(tabletsForRange(schema, keyRange(schema, { gte: { c0: 0 }, lt: { c0: 10 } })), [1])
  t.deepEqual(tabletsForRange(schema, keyRange(schema, { lt: { c0: 0 } })), [0])
  t.deepEqual(tabletsForRange(schema, keyRange(schema, { gt: { c0: 3 } })), [1, 2])
  t.deepEqual(tabletsForRange(schema, { lower: undefined, upper: undefined }), [0, 1, 2])
})

test('a prefix that gives the hashed columns names one tablet, a shorter one all', (t) => {
  const schema = hashed(variableKey, [0, 1], 4)
  t.is(tabletsForRange(schema, keyRange(schema, { prefix: { c0: 1, c1: 'a' } })).length, 1)
  t.deepEqual(tabletsForRange(schema, keyRange(schema, { prefix: { c0: 1 } })), [0, 1, 2, 3])
  t.deepEqual(tabletsForRange(schema, keyRange(schema, { gte: { c0: 1, c1: 'a' } })), [0, 1, 2, 3])
})

test("hash partitions are even, and the hashes of one tablet's keys stay spread over every bit", (t) => {
  const schema = schemaOf([{ kind: 'int32' }], [0], { partition: { scheme: 'hash', columns: [0], count: 4 } })
  const rows = Array.from({ length: 8000 }, (_, i) => [i])
  const block = blockOf(schema, rows)
  const keys = encodeKeys(schema, block)
  const parts = partitionRows(schema, block, keys) as Uint16Array
  const hashes = hashKeys(keys)
  for (let tablet = 0; tablet < 4; tablet++) {
    const own = hashes.filter((_, i) => parts[i] === tablet)
    t.true(own.length > 1800 && own.length < 2200, `${own.length}`)
    for (let bit = 0; bit < 32; bit++) {
      const set = own.filter((hash) => ((hash >>> bit) & 1) === 1).length / own.length
      t.true(set > 0.42 && set < 0.58, `bit ${bit} of tablet ${tablet}: ${set}`)
    }
  }
})

test('the tablet of a key is the one its rows on disk are in', (t) => {
  const schema = hashed(variableKey, [0], 1024)
  t.deepEqual(
    [1, 2, 3].map((c0) => partitionOfKeys(schema, singleKey(schema, { c0, c1: 'x', c2: true }), 0)),
    [460, 94, 446],
  )
})
