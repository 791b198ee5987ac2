import test from 'ava'
import fc from 'fast-check'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue } from '../../src/schema/table-schema.ts'
import {
  concatBlocks,
  concatVectors,
  constantVector,
  defaultVector,
  gatherBlock,
  gatherVector,
  sliceBlock,
  sliceVector,
  toBytesVector,
} from '../../src/schema/vector-ops.ts'
import { blockOf, schemaOf, vectorOf } from './support/schemas.ts'

const kinds = ['bool', 'int8', 'int16', 'int32', 'int64', 'float', 'double', 'timestamp', 'string', 'binary'] as const
const schema = schemaOf(
  kinds.map((kind) => ({ kind, nullable: true })),
  [3],
)
const row = fc.tuple(
  fc.option(fc.boolean()),
  fc.option(fc.integer({ min: -128, max: 127 })),
  fc.integer({ min: -9, max: 9 }),
  fc.integer(),
  fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.float(),
  fc.double(),
  fc.integer(),
  fc.option(fc.string()),
  fc.option(fc.uint8Array({ maxLength: 4 })),
)

function show(columns: readonly ColumnVector[], count: number, c0 = 0): ColumnValue[][] {
  return Array.from({ length: count }, (_, i) => columns.map((vector, c) => valueAt(schema.columns[c + c0] as ColumnSchema, vector, i)))
}

test('slices, gathered rows and concatenations hold the rows that they should', (t) => {
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 10 }),
      fc.nat(),
      fc.nat(),
      fc.array(fc.nat(), { maxLength: 12 }),
      (rows, a, b, picks) => {
        const block = blockOf(schema, rows)
        const from = a % (rows.length + 1)
        const to = from + (b % (rows.length - from + 1))
        const slice = sliceBlock(block, from, to)
        t.deepEqual(show(slice.columns, slice.rowCount), rows.slice(from, to))
        const ids = Int32Array.from(picks, (pick) => pick % rows.length)
        const gathered = gatherBlock(block, ids)
        t.deepEqual(
          show(gathered.columns, gathered.rowCount),
          Array.from(ids, (id) => rows[id] as ColumnValue[]),
        )
        if (slice.rowCount > 0) {
          const inner = ids.map((id) => id % slice.rowCount)
          t.deepEqual(
            show(gatherBlock(slice, inner).columns, inner.length),
            Array.from(inner, (id) => rows[from + id] as ColumnValue[]),
          )
        }
        const joined = concatBlocks([slice, gathered, block])
        t.deepEqual(show(joined.columns, joined.rowCount), [
          ...rows.slice(from, to),
          ...Array.from(ids, (id) => rows[id] as ColumnValue[]),
          ...rows,
        ])
      },
    ),
    { numRuns: 150 },
  )
})

test('dictionary columns keep their codes while they share a dictionary, and become bytes where they do not', (t) => {
  const text = schema.columns[8] as ColumnSchema
  const make = (values: string[], codes: Uint8Array | Int32Array): ColumnVector => ({
    form: 'dictionary',
    length: codes.length,
    codes,
    dictionary: vectorOf('string', values) as never,
    nulls: undefined,
  })
  const one = make(['a', 'b'], Uint8Array.of(1, 0, 1))
  const shared = concatVectors([one, gatherVector(one, Int32Array.of(2, 2)), sliceVector(one, 1, 3)])
  t.is(shared.form, 'dictionary')
  const widened = concatVectors([one, { ...one, codes: Int32Array.of(0, 0, 1) } as ColumnVector])
  const mixed = concatVectors([one, make(['x'], Uint8Array.of(0)), vectorOf('string', ['y'])])
  t.is(mixed.form, 'bytes')
  const strings = (vector: ColumnVector) => Array.from({ length: vector.length }, (_, i) => valueAt(text, vector, i))
  t.deepEqual(strings(shared), ['b', 'a', 'b', 'b', 'b', 'a', 'b'])
  t.deepEqual(strings(widened), ['b', 'a', 'b', 'a', 'a', 'b'])
  t.deepEqual(strings(mixed), ['b', 'a', 'b', 'x', 'y'])
  t.deepEqual(toBytesVector(one), vectorOf('string', ['b', 'a', 'b']))
})

test('a constant column shows its value in every row, and a default column its default or null', (t) => {
  const values: [number, ColumnValue][] = [
    [0, true],
    [1, -5],
    [4, 5n],
    [4, 2n ** 62n],
    [6, 0.5],
    [7, 12],
    [8, 'é'],
    [8, ''],
    [9, Uint8Array.of(0, 1)],
    [3, null],
    [8, null],
    [9, null],
  ]
  for (const [c, value] of values) {
    const column = schema.columns[c] as ColumnSchema
    t.deepEqual(show([constantVector(column, value, 3)], 3, c), [[value], [value], [value]])
    t.deepEqual(show([defaultVector(value === null ? column : { ...column, default: value }, 1)], 1, c), [[value]])
  }
})
