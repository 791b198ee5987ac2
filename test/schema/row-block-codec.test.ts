import test from 'ava'
import fc from 'fast-check'
import { ByteWriter } from '../../src/base/byte-writer.ts'
import { VarveError } from '../../src/base/errors.ts'
import type { ColumnVector, RowBlock } from '../../src/schema/column-vector.ts'
import { decodeRowBlock, encodeRowBlock } from '../../src/schema/row-block-codec.ts'
import { valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema } from '../../src/schema/table-schema.ts'
import { sliceBlock } from '../../src/schema/vector-ops.ts'
import { blockOf, schemaOf, vectorOf } from './support/schemas.ts'

const kinds = ['bool', 'int8', 'int16', 'int32', 'int64', 'float', 'double', 'timestamp', 'string', 'binary'] as const
const schema = schemaOf([...kinds.map((kind) => ({ kind, nullable: true })), { kind: 'string' as const }], [3])
const rows = Array.from({ length: 13 }, (_, i) => [
  i % 2 === 0,
  i,
  i * 100,
  i * 1e6,
  i % 3 === 0 ? null : BigInt(i),
  i / 2,
  i % 4 === 0 ? null : i / 3,
  1e12 + i,
  i % 5 === 0 ? null : `é${i}`,
  Uint8Array.of(i, 0),
  `c${i % 3}`,
])
const plain = blockOf(schema, rows)
const dictionary = vectorOf('string', ['c0', 'c1', 'c2'])
const coded: ColumnVector = {
  form: 'dictionary',
  length: 13,
  codes: Uint8Array.from(rows, (_, i) => i % 3),
  dictionary: dictionary as never,
  nulls: undefined,
}
const wide: ColumnVector = {
  form: 'fixed',
  length: 13,
  values: BigInt64Array.from(rows, (_, i) => 2n ** 60n + BigInt(i)),
  nulls: undefined,
}
const block: RowBlock = {
  rowCount: 13,
  columns: [
    ...plain.columns.slice(0, -1),
    coded,
    wide,
    { ...coded, codes: Int32Array.from(coded.codes) },
    { ...coded, codes: Uint16Array.from(coded.codes) },
  ],
}

function imageOf(given: RowBlock, before = 0): Uint8Array {
  const writer = new ByteWriter()
  writer.bytes(new Uint8Array(before))
  encodeRowBlock(given, writer)
  return writer.take()
}

function values(given: RowBlock): unknown[][] {
  const columns = [...schema.columns.slice(0, 10), ...Array(4).fill(schema.columns[10])] as ColumnSchema[]
  columns[11] = schema.columns[4] as ColumnSchema
  return given.columns.map((vector, c) => Array.from({ length: given.rowCount }, (_, i) => valueAt(columns[c] as ColumnSchema, vector, i)))
}

test('a block comes back as it was written, at aligned and at odd places', (t) => {
  for (const before of [0, 8, 3]) t.deepEqual(decodeRowBlock(imageOf(block, before), before), block, String(before))
  const empty = sliceBlock(block, 0, 0)
  t.deepEqual(values(decodeRowBlock(imageOf(empty))), values(empty))
})

test('a slice is written without the rows around it', (t) => {
  const slice = sliceBlock(block, 4, 9)
  const image = imageOf(slice)
  t.deepEqual(values(decodeRowBlock(image)), values(slice))
  t.deepEqual(imageOf(decodeRowBlock(image)), image)
  const one = decodeRowBlock(imageOf(sliceBlock(block, 4, 5)))
  t.is(one.columns[10]?.form, 'bytes', 'a dictionary of more values than rows is not worth its place')
  t.deepEqual(values(one), values(sliceBlock(block, 4, 5)))
})

test('at an aligned place the arrays are views of the bytes', (t) => {
  const image = imageOf(block)
  for (const vector of decodeRowBlock(image).columns) {
    const array = vector.form === 'fixed' ? vector.values : vector.form === 'bytes' ? vector.offsets : vector.codes
    t.is(array.buffer, image.buffer)
  }
})

test('whatever bytes are flipped or cut, reading gives a block within bounds or CORRUPTION', (t) => {
  const image = imageOf(block)
  const outcomes = { block: 0, corruption: 0 }
  const read = (bytes: Uint8Array) => {
    try {
      const got = decodeRowBlock(bytes)
      for (const vector of got.columns) {
        t.is(vector.length, got.rowCount)
        if (vector.form === 'fixed') t.is(vector.values.length, got.rowCount)
        const text = vector.form === 'dictionary' ? vector.dictionary : vector.form === 'bytes' ? vector : undefined
        if (text !== undefined)
          t.true(
            text.offsets.length === text.length + 1 &&
              text.offsets.every((o, i) => o <= text.bytes.length && (i === 0 || o >= (text.offsets[i - 1] as number))),
          )
        if (vector.form === 'dictionary') t.true((vector.codes as Int32Array).every((code) => code >= 0 && code < vector.dictionary.length))
      }
      outcomes.block++
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== 'CORRUPTION') throw error
      outcomes.corruption++
    }
  }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(image.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
      fc.option(fc.nat(image.length)),
      (flips, cut) => {
        const bytes = image.slice(0, cut ?? image.length)
        for (const [at, mask] of flips) if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ mask
        read(bytes)
      },
    ),
    { numRuns: 2000 },
  )
  for (let at = 0; at < image.length; at++) {
    const bytes = image.slice()
    bytes[at] = (bytes[at] as number) ^ 0x81
    read(bytes)
  }
  t.true(outcomes.block > 100 && outcomes.corruption > 100, JSON.stringify(outcomes))
})
