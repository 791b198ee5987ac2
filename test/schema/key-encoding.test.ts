import test from 'ava'
import fc from 'fast-check'
import { VarveError } from '../../src/base/errors.ts'
import type { ColumnKind, DictionaryVector, KeyBlock } from '../../src/schema/column-vector.ts'
import {
  compareBytes,
  compareKeys,
  compareKeyToBytes,
  decodeKey,
  encodeKey,
  encodeKeyPrefix,
  encodeKeys,
  encodeKeyValues,
  findKey,
  hashKey,
  hashKeys,
  keyBytes,
  keyColumnEnds,
  keyLayout,
  keyRange,
  keysFromBytes,
  keysOf,
  keyValuesToObject,
  lowerBound,
  prefixEnd,
  singleKey,
} from '../../src/schema/key-encoding.ts'
import type { ColumnValue, TableSchema } from '../../src/schema/table-schema.ts'
import { blockOf, cpuSchema, schemaOf, vectorOf } from './support/schemas.ts'

type KeyKind = Exclude<ColumnKind, 'float' | 'double'>
const kinds: readonly KeyKind[] = ['bool', 'int8', 'int16', 'int32', 'int64', 'timestamp', 'string', 'binary']

const wellFormed = fc.string({ unit: 'binary', maxLength: 6 }).filter((s) => s.isWellFormed())
const strings = fc.oneof(
  wellFormed,
  fc.string({ unit: fc.constantFrom('\0', 'a', '\u{1F600}', '\uFFFD', '\uE000', 'é', '\x7f', '\x01'), maxLength: 6 }),
)
const valuesOf: Record<KeyKind, fc.Arbitrary<ColumnValue>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  int32: fc.oneof(fc.integer(), fc.integer({ min: -2, max: 2 })),
  int64: fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -3n, max: 3n }), fc.maxSafeInteger().map(BigInt)),
  timestamp: fc.oneof(
    fc.integer({ min: -8.64e15, max: 8.64e15 }),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(-4294967296, 4294967296, 4294967295, -4294967297),
  ),
  string: strings,
  binary: fc.uint8Array({ maxLength: 5 }).map((b) => Uint8Array.from(b, (x) => (x % 3 === 0 ? 0 : x))),
}

function compareValues(a: ColumnValue, b: ColumnValue): number {
  if (typeof a === 'string') return compareCodePoints(a, b as string)
  if (a instanceof Uint8Array) return Math.sign(Buffer.compare(a, b as Uint8Array))
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

function compareCodePoints(a: string, b: string): number {
  const x = Array.from(a, (c) => c.codePointAt(0) as number)
  const y = Array.from(b, (c) => c.codePointAt(0) as number)
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return (x[i] as number) < (y[i] as number) ? -1 : 1
  }
  return Math.sign(x.length - y.length)
}

function compareRows(a: readonly ColumnValue[], b: readonly ColumnValue[]): number {
  for (let k = 0; k < a.length; k++) {
    const order = compareValues(a[k] as ColumnValue, b[k] as ColumnValue)
    if (order !== 0) return order
  }
  return 0
}

const sample: fc.Arbitrary<{ schema: TableSchema; rows: ColumnValue[][] }> = fc
  .array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 4 })
  .chain((chosen) =>
    fc.array(fc.tuple(...chosen.map((kind) => valuesOf[kind])), { minLength: 1, maxLength: 8 }).map((rows) => ({
      schema: schemaOf(
        chosen.map((kind) => ({ kind })),
        chosen.map((_, i) => i),
      ),
      rows: rows as ColumnValue[][],
    })),
  )

function userKey(schema: TableSchema, row: readonly ColumnValue[]): unknown {
  return keyValuesToObject(schema, row)
}

test('the order of encoded keys is the order of their values, and a block and a single key agree on bytes and hash', (t) => {
  fc.assert(
    fc.property(sample, ({ schema, rows }) => {
      const layout = keyLayout(schema)
      const keys = encodeKeys(schema, blockOf(schema, rows))
      const hashes = hashKeys(keys)
      const bytes = rows.map((_, i) => keyBytes(keys, i, layout))
      const many = keysOf(
        schema,
        rows.map((row) => userKey(schema, row)),
      )
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i] as ColumnValue[]
        const alone = singleKey(schema, userKey(schema, row))
        t.deepEqual(encodeKey(schema, userKey(schema, row)), bytes[i])
        t.deepEqual(encodeKeyValues(schema, row), bytes[i])
        t.deepEqual(hashKeys(alone), hashes.slice(i, i + 1))
        t.is(hashKey(keys, i), hashes[i] as number)
        t.is(compareKeys(many, i, keys, i), 0)
        t.deepEqual(decodeKey(schema, bytes[i] as Uint8Array), row)
        t.is(keyColumnEnds(schema, bytes[i] as Uint8Array).length, row.length)
        for (let j = 0; j < rows.length; j++) {
          const expected = compareRows(row, rows[j] as ColumnValue[])
          t.is(Math.sign(compareBytes(bytes[i] as Uint8Array, bytes[j] as Uint8Array)), expected)
          t.is(Math.sign(compareKeys(keys, i, keys, j)), expected)
          t.is(Math.sign(compareKeyToBytes(keys, i, bytes[j] as Uint8Array)), expected)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('every key that begins with a prefix, and no other, lies in the range of the prefix', (t) => {
  fc.assert(
    fc.property(sample, fc.nat(), (s, pick) => {
      const { schema } = s
      const rows = s.rows.toSorted(compareRows)
      const keys = encodeKeys(schema, blockOf(schema, rows))
      const chosen = rows[pick % rows.length] as ColumnValue[]
      const length = 1 + (pick % chosen.length)
      const leading = chosen.slice(0, length)
      const prefix = Object.fromEntries(leading.map((value, k) => [`c${k}`, value]))
      const begins = (row: readonly ColumnValue[]) => compareRows(leading, row.slice(0, length)) === 0
      const lower = encodeKeyPrefix(schema, prefix)
      const upper = prefixEnd(lower)
      const from = lowerBound(keys, lower)
      const to = upper === undefined ? rows.length : lowerBound(keys, upper)
      for (let i = 0; i < rows.length; i++) t.is(i >= from && i < to, begins(rows[i] as ColumnValue[]))
      t.deepEqual(decodeKey(schema, lower), leading)
      for (const [bounds, holds] of [
        [{ gte: prefix }, (o: number) => o >= 0],
        [{ gt: prefix }, (o: number) => o > 0],
        [{ lte: prefix }, (o: number) => o <= 0],
        [{ lt: prefix }, (o: number) => o < 0],
        [{ prefix, gte: prefix }, (o: number) => o === 0],
      ] as const) {
        const range = keyRange(schema, bounds)
        rows.forEach((row, i) => {
          const order = compareRows(row.slice(0, length), leading)
          const within =
            !range.empty &&
            (range.lower === undefined || compareKeyToBytes(keys, i, range.lower) >= 0) &&
            (range.upper === undefined || compareKeyToBytes(keys, i, range.upper) < 0)
          t.is(within, holds(order), JSON.stringify(Object.keys(bounds)))
        })
      }
    }),
    { numRuns: 300 },
  )
})

test('findKey finds exactly the keys that are there', (t) => {
  fc.assert(
    fc.property(sample, (s) => {
      const { schema } = s
      const rows = s.rows.toSorted(compareRows).filter((row, i, all) => i === 0 || compareRows(row, all[i - 1] as ColumnValue[]) !== 0)
      const even = rows.filter((_, i) => i % 2 === 0)
      const keys = encodeKeys(schema, blockOf(schema, even))
      const probe = encodeKeys(schema, blockOf(schema, rows))
      for (let i = 0; i < rows.length; i++) t.is(findKey(keys, probe, i), i % 2 === 0 ? i / 2 : -1)
    }),
    { numRuns: 200 },
  )
})

test('prefixEnd raises the last byte that can be raised', (t) => {
  t.deepEqual(prefixEnd(Uint8Array.of(1, 2)), Uint8Array.of(1, 3))
  t.deepEqual(prefixEnd(Uint8Array.of(1, 255, 255)), Uint8Array.of(2))
  t.is(prefixEnd(Uint8Array.of(255, 255)), undefined)
  t.is(prefixEnd(new Uint8Array(0)), undefined)
})

test('an open last value covers every string that begins with it', (t) => {
  const schema = schemaOf([{ kind: 'string' }], [0])
  const open = encodeKeyValues(schema, ['ab'], { open: true })
  t.deepEqual(open, Uint8Array.of(0x61, 0x62))
  for (const text of ['ab', 'abc', 'ab\0']) t.deepEqual(encodeKey(schema, text).slice(0, 2), open)
})

test('int64 keys encode alike from doubles and from 64-bit integers', (t) => {
  for (const lead of ['bool', 'int32'] as const) {
    const schema = schemaOf([{ kind: lead }, { kind: 'int64' }, { kind: 'bool' }], [0, 1, 2])
    const values = [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]
    const side = vectorOf(
      'bool',
      values.map(() => true),
    )
    const first = vectorOf(
      lead,
      values.map(() => 1),
    )
    const encode = (array: Float64Array | BigInt64Array) =>
      encodeKeys(schema, {
        rowCount: values.length,
        columns: [first, { form: 'fixed', length: values.length, values: array, nulls: undefined }, side],
      })
    t.deepEqual(encode(Float64Array.from(values)), encode(BigInt64Array.from(values, BigInt)))
  }
  const variable = schemaOf([{ kind: 'string' }, { kind: 'int64' }], [0, 1])
  const names = vectorOf('string', ['a', 'b'])
  const wide = (array: Float64Array | BigInt64Array) =>
    encodeKeys(variable, { rowCount: 2, columns: [names, { form: 'fixed', length: 2, values: array, nulls: undefined }] })
  t.deepEqual(wide(Float64Array.of(-5, 2 ** 40)), wide(BigInt64Array.of(-5n, 2n ** 40n)))
})

test('a dictionary column encodes as the plain column does', (t) => {
  const schema = schemaOf([{ kind: 'string' }, { kind: 'int8' }], [0, 1])
  const dictionary = vectorOf('string', ['', 'a\0', 'b']) as DictionaryVector['dictionary']
  const codes = Uint8Array.of(2, 1, 0, 1)
  const numbers = vectorOf('int8', [1, 2, 3, 4])
  const coded = encodeKeys(schema, {
    rowCount: 4,
    columns: [{ form: 'dictionary', length: 4, codes, dictionary, nulls: undefined }, numbers],
  })
  t.deepEqual(coded, encodeKeys(schema, { rowCount: 4, columns: [vectorOf('string', ['b', 'a\0', '', 'a\0']), numbers] }))
})

test('the hash is the one written on disk', (t) => {
  const fixed: KeyBlock = encodeKeys(cpuSchema, blockOf(cpuSchema, [[7, 1_700_000_000_000, 0, 0, 0, '']]))
  t.is(hashKey(fixed, 0), 883_105_242)
  t.is(hashKey(singleKey(schemaOf([{ kind: 'string' }], [0]), 'varve'), 0), 898_714_033)
  t.deepEqual(encodeKey(cpuSchema, { host: -1, at: new Date(1) }), Uint8Array.of(0x7f, 255, 255, 255, 0x80, 0, 0, 0, 0, 0, 0, 1))
})

test('keys from bytes are the keys the bytes came from, and bytes of a wrong length are corruption', (t) => {
  const keys = encodeKeys(
    cpuSchema,
    blockOf(cpuSchema, [
      [1, 2, 0, 0, 0, ''],
      [3, 4, 0, 0, 0, ''],
    ]),
  )
  const layout = keyLayout(cpuSchema)
  t.deepEqual(keysFromBytes(cpuSchema, [keyBytes(keys, 0, layout), keyBytes(keys, 1, layout)]), keys)
  t.is(
    code(() => keysFromBytes(cpuSchema, [new Uint8Array(11)])),
    'CORRUPTION',
  )
  const text = schemaOf([{ kind: 'string' }, { kind: 'int8' }], [0, 1])
  for (const bad of [[0x61], [0x61, 0], [0x61, 0, 1, 0, 0], [0x61, 0, 0, 1, 2]])
    t.is(
      code(() => decodeKey(text, Uint8Array.from(bad))),
      'CORRUPTION',
    )
})

test('a key that does not fit is refused with table, column and row', (t) => {
  const text = schemaOf([{ kind: 'string', name: 'id' }], [0])
  const binary = schemaOf([{ kind: 'binary', name: 'id' }], [0])
  const pair = schemaOf(
    [
      { kind: 'int32', name: 'device' },
      { kind: 'string', name: 'metric' },
      { kind: 'timestamp', name: 'at' },
    ],
    [0, 1, 2],
  )
  const refused: [() => unknown, RegExp][] = [
    [() => singleKey(text, 5), /t\.id: 5 is not a valid string/],
    [() => singleKey(text, 'a\ud800'), /lone surrogate/],
    [() => singleKey(text, `${'a'.repeat(60)}\udc00`), /lone surrogate/],
    [() => singleKey(text, undefined), /the value is missing; a key names its row by all of \(id\)/],
    [() => singleKey(text, null), /null is not allowed/],
    [() => singleKey(text, 'x'.repeat(4095)), /4097 bytes encoded, more than 4096/],
    [() => singleKey(text, '\0'.repeat(2048)), /4098 bytes/],
    [() => singleKey(text, 'x'.repeat(1_000_000)), /more than 4096/],
    [() => singleKey(binary, new Uint8Array(5000)), /more than 4096/],
    [() => singleKey(cpuSchema, { host: 1.5, at: 0 }), /t\.host: 1\.5 is not a whole number/],
    [() => singleKey(cpuSchema, { host: Number.NaN, at: 0 }), /NaN is not a whole number/],
    [() => singleKey(cpuSchema, { host: 2 ** 31, at: 0 }), /outside -2147483648 … 2147483647/],
    [() => singleKey(cpuSchema, { host: 1, at: 0.5 }), /Math\.round/],
    [() => singleKey(cpuSchema, { host: 1 }), /t\.at: the value is missing/],
    [
      () =>
        keysOf(cpuSchema, [
          { host: 1, at: 1 },
          { host: 1, at: 'x' },
        ]),
      /t\.at, row 1/,
    ],
    [() => encodeKeyPrefix(pair, { device: 1, at: 5 }), /metric is missing/],
    [() => encodeKeyPrefix(pair, { device: 1, metrc: 'x' }), /Did you mean "metric"/],
    [() => encodeKeyPrefix(pair, {}), /at least device/],
    [() => encodeKeys(text, { rowCount: 2, columns: [vectorOf('string', ['a', 'x'.repeat(4095)])] }), /t\.id, row 1: the key takes 4097/],
  ]
  for (const [run, message] of refused) {
    const error = t.throws(run, { instanceOf: VarveError })
    t.is(error?.code, 'INVALID_VALUE')
    t.is(error?.context['table'], 't')
    t.regex(error?.message ?? '', message)
  }
  t.notThrows(() => singleKey(text, 'x'.repeat(4094)))
  for (const misuse of [
    () => singleKey(pair, 5),
    () => singleKey(pair, [1]),
    () => singleKey(text, ['a']),
    () => encodeKeyPrefix(pair, 'x'),
    () => keyRange(pair, { gt: 1, gte: 1 }),
  ]) {
    t.throws(misuse, { instanceOf: TypeError })
  }
})

function code(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof VarveError ? error.code : String(error)
  }
}
