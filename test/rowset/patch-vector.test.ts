import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { patchVector } from '../../src/rowset/patch-vector.ts'
import type { BytesVector, ColumnVector } from '../../src/schema/column-vector.ts'
import { compareBytes } from '../../src/schema/key-encoding.ts'
import { stringAt, valueAt } from '../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue } from '../../src/schema/table-schema.ts'
import { decodeColumn, encodeColumn } from '../../src/sstable/column-block.ts'
import { defaultVector as defaultOfFile } from '../../src/sstable/default-vector.ts'
import { PayloadWriter } from '../../src/sstable/payload-writer.ts'
import { batchOf, schemaOf } from './support/random-table.ts'

const kinds: readonly Partial<ColumnSchema>[] = [
  { kind: 'bool' },
  { kind: 'int8' },
  { kind: 'int16', nullable: true },
  { kind: 'int32' },
  { kind: 'int64', nullable: true },
  { kind: 'int64', mode: 'number' },
  { kind: 'float' },
  { kind: 'double', nullable: true },
  { kind: 'timestamp' },
  { kind: 'string', nullable: true },
  { kind: 'binary', nullable: true },
]

/** `variety`: about how many distinct values there are. */
function randomValue({ kind, mode, nullable }: ColumnSchema, random: SeededRandom, variety: number, wide: boolean): ColumnValue {
  if (nullable && random.below(4) === 0) return null
  const n = random.below(variety)
  switch (kind) {
    case 'bool':
      return n % 2 === 1
    case 'int64':
      return mode === 'number' ? n : wide && random.below(20) === 0 ? 2n ** 60n + BigInt(n) : BigInt(n)
    case 'string':
      return `${'é'.repeat(n % 3)}${n}`
    case 'binary':
      return Uint8Array.from({ length: n % 5 }, (_, i) => (n * 7 + i) % 256)
    default:
      return n % 100
  }
}

/** The values as a vector; `stored`: in the form in which a file gives them back. */
function vectorOf(column: ColumnSchema, values: readonly ColumnValue[], stored: boolean): ColumnVector {
  const schema = { ...schemaOf([{ kind: 'int32' }], [0]), columns: [{ ...column, id: 1, name: 'c0' }] }
  const vector = batchOf(
    { ...schema, keyColumns: [] },
    values.map((value) => [value]),
  ).block.columns[0] as ColumnVector
  if (!stored) return vector
  const out = new PayloadWriter()
  const { encoding } = encodeColumn(out, vector, column.kind)
  return decodeColumn(out.take(), { kind: column.kind, encoding, rowCount: values.length, hasNulls: vector.nulls !== undefined })
}

function valuesOf(column: ColumnSchema, vector: ColumnVector): ColumnValue[] {
  return Array.from({ length: vector.length }, (_, i) => valueAt(column, vector, i))
}

for (const sketch of kinds) {
  const [column] = schemaOf([sketch], [0]).columns as [ColumnSchema]
  test(`a ${column.kind} column (${column.nullable ? 'nullable' : column.mode}) takes its patch, and the base stays as it was`, (t) => {
    const random = new SeededRandom(7)
    for (let round = 0; round < 60; round++) {
      const length = 1 + random.below(200)
      const variety = [2, 12, 1000][random.below(3)] as number
      const wide = random.below(2) === 0
      const before = Array.from({ length }, () => randomValue(column, random, variety, wide))
      const base = vectorOf(column, before, random.below(2) === 0)
      const rows = Int32Array.from({ length }, (_, i) => i).filter(() => random.below(5) === 0)
      const changed = Array.from(rows, () => randomValue(column, random, variety, !wide))
      if (rows.length === 0) continue
      const patched = patchVector(base, { rows, values: vectorOf(column, changed, random.below(2) === 0) })
      const expected = before.slice()
      rows.forEach((row, k) => {
        expected[row] = changed[k] as ColumnValue
      })
      t.deepEqual(valuesOf(column, patched), expected)
      t.deepEqual(valuesOf(column, base), before)
      t.deepEqual(formProblems(patched), [])
    }
  })
}

/** What is not as `ColumnVector` says. */
function formProblems(vector: ColumnVector): string[] {
  const problems: string[] = []
  const { nulls } = vector
  if (nulls !== undefined && !nulls.includes(1)) problems.push('nulls, but none')
  for (let i = 0; i < vector.length; i++) {
    if (nulls?.[i] !== 1) continue
    const isZero =
      vector.form === 'fixed'
        ? Number(vector.values[i]) === 0
        : vector.form === 'dictionary'
          ? vector.codes[i] === 0
          : vector.offsets[i] === vector.offsets[i + 1]
    if (!isZero) problems.push(`row ${i} is null and not zero`)
  }
  if (vector.form === 'dictionary') {
    for (let code = 1; code < vector.dictionary.length; code++)
      if (compareBytes(textAt(vector.dictionary, code - 1), textAt(vector.dictionary, code)) >= 0)
        problems.push(`code ${code} is not above the one before`)
    vector.strings?.forEach((text, code) => {
      if (text !== stringAt(vector.dictionary, code)) problems.push(`string ${code} is not that of the dictionary`)
    })
  }
  if (
    vector.form === 'fixed' &&
    vector.values instanceof BigInt64Array &&
    vector.values.every((value) => BigInt.asIntN(54, value) === value)
  ) {
    problems.push('64 bits where a double would do')
  }
  return problems
}

function textAt({ bytes, offsets }: BytesVector, i: number): Uint8Array {
  return bytes.subarray(offsets[i], offsets[i + 1])
}

test('a dictionary that has all new values is shared, one that lacks some is a new one', (t) => {
  const column = schemaOf([{ kind: 'string' }], [0]).columns[0] as ColumnSchema
  const base = vectorOf(column, ['b', 'd', 'b', 'd', 'b', 'b', 'd', 'b', 'b', 'd', 'b', 'b', 'b', 'd', 'd', 'd'], true)
  if (base.form !== 'dictionary') throw new Error('a dictionary was expected')
  const same = patchVector(base, { rows: Int32Array.of(1), values: vectorOf(column, ['b'], false) })
  t.true(same.form === 'dictionary' && same.dictionary === base.dictionary)
  const other = patchVector(base, { rows: Int32Array.of(0, 1, 2), values: vectorOf(column, ['c', 'a', 'e'], false) })
  if (other.form !== 'dictionary') throw new Error('a dictionary was expected')
  t.deepEqual(
    Array.from({ length: 5 }, (_, code) => stringAt(other.dictionary, code)),
    ['a', 'b', 'c', 'd', 'e'],
  )
  t.deepEqual([...other.codes.subarray(0, 5)], [2, 0, 4, 3, 1])
})

test('strings that most rows have to themselves are kept without a dictionary', (t) => {
  const column = schemaOf([{ kind: 'string' }], [0]).columns[0] as ColumnSchema
  const base = vectorOf(
    column,
    Array.from({ length: 100 }, (_, i) => `common ${i % 3}`),
    true,
  )
  t.is(base.form, 'dictionary')
  const rows = Int32Array.from({ length: 90 }, (_, i) => i)
  const patched = patchVector(base, {
    rows,
    values: vectorOf(
      column,
      Array.from(rows, (i) => `own ${i}`),
      false,
    ),
  })
  t.is(patched.form, 'bytes')
  t.deepEqual(valuesOf(column, patched).slice(88, 92), ['own 88', 'own 89', 'common 0', 'common 1'])
})

test('a column that the file lacks and that is null takes values', (t) => {
  const column = schemaOf([{ kind: 'string', nullable: true }], [0]).columns[0] as ColumnSchema
  const patched = patchVector(defaultOfFile(column, 5), { rows: Int32Array.of(1, 3), values: vectorOf(column, ['x', null], false) })
  t.deepEqual(valuesOf(column, patched), [null, 'x', null, null, null])
  t.deepEqual(formProblems(patched), [])
})
