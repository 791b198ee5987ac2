import test from 'ava'
import fc from 'fast-check'
import { VarveError } from '../../src/base/errors.ts'
import { columnInput } from '../../src/schema/column-input.ts'
import type { ColumnVector, FixedVector } from '../../src/schema/column-vector.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import { rowEncoder } from '../../src/schema/row-encoder.ts'
import type { ColumnSchema, TableSchema } from '../../src/schema/table-schema.ts'
import { schemaOf } from './support/schemas.ts'

const schema = schemaOf(
  [
    { kind: 'int32', name: 'id' },
    { kind: 'bool', name: 'flag' },
    { kind: 'int8', name: 'tiny' },
    { kind: 'int64', name: 'big' },
    { kind: 'int64', name: 'count', mode: 'number', nullable: true },
    { kind: 'float', name: 'ratio' },
    { kind: 'double', name: 'mean', nullable: true },
    { kind: 'timestamp', name: 'at' },
    { kind: 'string', name: 'site', nullable: true },
    { kind: 'binary', name: 'raw', nullable: true },
    { kind: 'int16', name: 'level', default: 7 },
  ],
  [0],
  { name: 'devices' },
)

function show(s: TableSchema, columns: readonly ColumnVector[], count: number): unknown[][] {
  return s.columns.map((column, c) =>
    Array.from({ length: count }, (_, i) => valueAt(column as ColumnSchema, columns[c] as ColumnVector, i)),
  )
}

const good = {
  id: Int32Array.of(1, 2, 3),
  flag: Uint8Array.of(1, 0, 1),
  tiny: Int8Array.of(1, -2, 3),
  big: BigInt64Array.of(1n, -2n, 3n),
  count: { values: Float64Array.of(4, 99, 5), nulls: Uint8Array.of(0, 1, 0) },
  ratio: Float32Array.of(0.5, 1, 2),
  mean: Float64Array.of(0.5, Number.NaN, -1),
  at: Float64Array.of(1, 2, 3),
  site: ['a', null, 'é'],
  raw: [Uint8Array.of(1), Uint8Array.of(), null],
}

test('columns become the block that the same rows become', (t) => {
  const rows = [
    { id: 1, flag: true, tiny: 1, big: 1n, count: 4, ratio: 0.5, mean: 0.5, at: 1, site: 'a', raw: Uint8Array.of(1) },
    { id: 2, flag: false, tiny: -2, big: -2n, count: null, ratio: 1, mean: Number.NaN, at: 2, site: null, raw: Uint8Array.of() },
    { id: 3, flag: true, tiny: 3, big: 3n, count: 5, ratio: 2, mean: -1, at: 3, site: 'é', raw: null },
  ]
  const input = columnInput(schema, good)
  t.is(input.rowCount, 3)
  t.deepEqual(show(schema, input.slice(0, 3).columns, 3), show(schema, rowEncoder(schema).encode(rows).columns, 3))
  t.deepEqual(show(schema, input.slice(1, 3).columns, 2), show(schema, rowEncoder(schema).encode(rows, 1, 3).columns, 2))
})

test("a typed array of the column's own kind is not copied, unless something in it must change", (t) => {
  const columns = columnInput(schema, good).slice(1, 3).columns as FixedVector[]
  t.is(columns[0]?.values.buffer, good.id.buffer)
  t.is(columns[7]?.values.buffer, good.at.buffer)
  t.is(columns[6]?.values.buffer, good.mean.buffer)
  t.deepEqual(columns[3]?.values, Float64Array.of(-2, 3), '64-bit integers within ±(2^53 − 1) are held as doubles')
  const zero = Float64Array.of(1, -0, 2)
  const at = columnInput(schema, { ...good, at: zero, mean: zero }).slice(0, 3).columns as FixedVector[]
  t.true(Object.is(at[7]?.values[1], 0))
  t.true(Object.is(at[6]?.values[1], -0))
  t.true(Object.is(zero[1], -0), 'what the caller gave is left alone')
})

test('null rows hold zero, whatever the caller left there, and are not checked', (t) => {
  const nulls = Uint8Array.of(0, 1, 0)
  const given = {
    ...good,
    count: { values: Float64Array.of(1, 0.5, 2), nulls },
    mean: { values: Float64Array.of(1, 5, 2), nulls },
    site: { values: { codes: Int32Array.of(1, 77, 0), dictionary: ['x', 'y'] }, nulls },
  }
  const { columns } = columnInput(schema, given).slice(0, 3)
  t.deepEqual((columns[4] as FixedVector).values, Float64Array.of(1, 0, 2))
  t.deepEqual((columns[6] as FixedVector).values, Float64Array.of(1, 0, 2))
  t.deepEqual(show(schema, columns, 3)[8], ['y', null, 'x'])
})

test('an integer beyond 2^53 stays exact, and makes the slice that holds it wide', (t) => {
  const big = BigInt64Array.of(1n, 2n ** 60n, -(2n ** 63n))
  const input = columnInput(schema, { ...good, big })
  t.deepEqual((input.slice(0, 3).columns[3] as FixedVector).values, big)
  t.deepEqual((input.slice(0, 1).columns[3] as FixedVector).values, Float64Array.of(1))
})

test("any dictionary comes out sorted and distinct, with every row's value kept", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', '\u{1F600}', '\uFFFD', '\0'), maxLength: 3 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (dictionary, picks) => {
        const text = schemaOf([{ kind: 'string' }], [0])
        const codes = Int32Array.from(picks, (pick) => pick % dictionary.length)
        const { columns } = columnInput(text, { c0: { codes, dictionary } }).slice(0, codes.length)
        t.deepEqual(
          show(text, columns, codes.length)[0],
          Array.from(codes, (code) => dictionary[code]),
        )
        const vector = columns[0] as ColumnVector
        if (vector.form !== 'dictionary') return t.fail()
        const { bytes, offsets, length } = vector.dictionary
        for (let i = 1; i < length; i++) {
          t.true(Buffer.compare(bytes.subarray(offsets[i - 1], offsets[i]), bytes.subarray(offsets[i], offsets[i + 1])) < 0)
        }
      },
    ),
    { numRuns: 100 },
  )
})

test('other arrays are converted where every value fits', (t) => {
  const { columns } = columnInput(schema, {
    ...good,
    id: Float64Array.of(1, 2, 3),
    tiny: [1, 2, 3],
    at: BigInt64Array.of(1n, 2n, 3n),
    big: [1n, 2n, 3n],
    mean: Int32Array.of(1, 2, 3),
    flag: [true, false, true],
    count: BigInt64Array.of(1n, 2n, 3n),
  }).slice(0, 3)
  const shown = show(schema, columns, 3)
  t.deepEqual(
    [0, 1, 2, 3, 4, 6, 7].map((c) => shown[c]),
    [
      [1, 2, 3],
      [true, false, true],
      [1, 2, 3],
      [1n, 2n, 3n],
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ],
  )
})

test('a value that does not fit is refused with table, column and its row in the whole input', (t) => {
  const refused: [string, unknown, RegExp, number?][] = [
    ['id', Float64Array.of(1, 2, 1.5), /1\.5 is not a whole number/, 2],
    ['id', Float64Array.of(1, Number.NaN, 1), /NaN is not a whole number/, 1],
    ['id', Uint32Array.of(1, 2, 2 ** 31), /outside/, 2],
    ['tiny', Int16Array.of(1, 128, 1), /outside -128 … 127/, 1],
    ['flag', Uint8Array.of(1, 0, 2), /2 is not a valid bool/, 2],
    ['flag', Int32Array.of(1, 0, 1), /not a valid bool; give a Uint8Array/, 0],
    ['count', Float64Array.of(1, 2 ** 53, 1), /2\^53/, 1],
    ['count', BigInt64Array.of(1n, 2n ** 53n, 1n), /2\^53/, 1],
    ['big', Float64Array.of(1, 2, 1e20), /2\^53/, 2],
    ['big', BigUint64Array.of(1n, 2n, 2n ** 63n), /64 bits/, 2],
    ['big', [1n, 5, 1n], /give a bigint/, 1],
    ['ratio', Float64Array.of(1, 1e300, 1), /32 bits/, 1],
    ['mean', BigInt64Array.of(1n, 2n ** 53n + 1n, 1n), /would lose digits in a double column/, 1],
    ['at', Float64Array.of(1, 2, 0.5), /Math\.round/, 2],
    ['at', [new Date(1), new Date(Number.NaN), 3], /Date is invalid/, 1],
    ['site', ['a', 'b', 'c\ud800'], /lone surrogate/, 2],
    ['site', ['a', 5, 'c'], /5 is not a valid string/, 1],
    ['site', Int32Array.of(1, 2, 3), /does not fit a string column/],
    ['site', { codes: Int32Array.of(0, 1, 2), dictionary: ['a', 'b'] }, /code 2 is outside the dictionary of 2 values/, 2],
    ['site', { codes: Int32Array.of(0, -1, 0), dictionary: ['a', 'b'] }, /code -1/, 1],
    ['site', { codes: Int32Array.of(0, 0, 0), dictionary: [null] }, /dictionary\[0\] is null/],
    ['id', { codes: Int32Array.of(0, 0, 0), dictionary: ['a'] }, /do not fit a int32 column/],
    ['id', { values: good.id, nulls: Uint8Array.of(0, 0, 1) }, /null is not allowed/, 2],
    ['count', { values: Float64Array.of(1, 2, 3), nulls: Uint8Array.of(0, 2, 0) }, /null mark is 0 or 1; got 2/, 1],
    ['id', undefined, /the value is missing/],
    ['idd', Int32Array.of(1, 2, 3), /no column "idd".*Did you mean "id"/],
  ]
  for (const [column, values, message, rowIndex] of refused) {
    const error = t.throws(
      () => columnInput(schema, { ...good, [column]: values }).slice(0, 3),
      { instanceOf: VarveError },
      `${column} ${String(message)}`,
    )
    t.is(error?.code, 'INVALID_VALUE')
    t.like(error?.context, { table: 'devices', column, rowIndex })
    t.regex(error?.message ?? '', message)
    if (rowIndex !== undefined && rowIndex > 0)
      t.is(t.throws(() => columnInput(schema, { ...good, [column]: values }).slice(1, 3))?.message, error?.message)
  }
})

test('what is no set of columns is misuse', (t) => {
  for (const [input, message] of [
    [null, /takes an object/],
    [[], /takes an object/],
    [{}, /no columns/],
    [{ ...good, id: 5 }, /devices\.id: give a typed array/],
    [{ ...good, id: Int32Array.of(1) }, /different lengths: id 1, flag 3/],
    [{ ...good, site: { codes: [1], dictionary: ['a'] } }, /give a typed array/],
    [{ ...good, mean: { values: good.mean, nulls: [0, 0, 0] } }, /nulls is a Uint8Array/],
    [{ ...good, mean: { values: good.mean, nulls: new Uint8Array(2) } }, /3 values and 2 nulls/],
    [{ ...good, site: { codes: Float64Array.of(1, 2, 3), dictionary: ['a'] } }, /codes are a Uint8Array, Uint16Array or Int32Array/],
  ] as const) {
    t.throws(() => columnInput(schema, input), { instanceOf: TypeError, message })
  }
})

test('no rows are no rows', (t) => {
  const empty = columnInput(schemaOf([{ kind: 'int32' }, { kind: 'bool' }, { kind: 'string' }], [0]), {
    c0: new Int32Array(0),
    c1: new Int8Array(0),
    c2: { codes: new Int32Array(0), dictionary: [] },
  })
  t.deepEqual([empty.rowCount, empty.slice(0, 0).rowCount], [0, 0])
})
