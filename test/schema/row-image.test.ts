import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import type { ColumnKind } from '../../src/schema/column-vector.ts'
import { type RowImage, rowImage, valueBytesOf } from '../../src/schema/row-image.ts'
import type { ColumnSchema, ColumnValue } from '../../src/schema/table-schema.ts'
import { type ColumnSketch, schemaOf } from './support/schemas.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

const kinds: readonly ColumnKind[] = ['bool', 'int8', 'int16', 'int32', 'int64', 'float', 'double', 'timestamp', 'string', 'binary']
/** Each kind as it may be: null or never null, and int64 as both of what it shows. */
const sketches: readonly ColumnSketch[] = [false, true].flatMap((nullable) => [
  ...kinds.map((kind) => ({ kind, nullable })),
  { kind: 'int64', mode: 'number', nullable } as const,
])
const columns = schemaOf(
  sketches.map((sketch, i) => ({ ...sketch, name: `${'"\\\n`'[i % 4]}${i}` })),
  [0],
).columns

const ends: Readonly<Record<ColumnKind, readonly ColumnValue[]>> = {
  bool: [false, true],
  int8: [-128, 0, 127],
  int16: [-(2 ** 15), 0, 2 ** 15 - 1],
  int32: [-(2 ** 31), 0, 2 ** 31 - 1],
  int64: [-(2n ** 63n), 0n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  float: [-0, 0, Math.fround(0.1), Number.NaN, Number.NEGATIVE_INFINITY],
  double: [-0, 0, Number.MIN_VALUE, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
  timestamp: [-8.64e15, 0, 8.64e15],
  string: ['', 'null', 'zażółć 🙂', '\0', 'x'.repeat(300)],
  binary: [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(255, 0, 1)],
}

function randomValue(random: SeededRandom, column: ColumnSchema): ColumnValue {
  if (column.nullable && random.below(3) === 0) return null
  if (column.kind === 'int64' && column.mode === 'number')
    return [Number.MIN_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER][random.below(3)] ?? 0
  const among = ends[column.kind]
  return among[random.below(among.length)] as ColumnValue
}

/** Arrays for some rows, each with what a row before left there. */
function roomFor(image: RowImage, rowCount: number) {
  const { numbersPerRow, valuesPerRow, nullsPerRow } = image
  const numbers = new Float64Array(rowCount * numbersPerRow).fill(7)
  const values = new Array<unknown>(rowCount * valuesPerRow).fill('left')
  const nulls = new Uint8Array(rowCount * nullsPerRow).fill(1)
  return {
    write: (row: Record<string, ColumnValue>, at: number) =>
      image.write(row, numbers, at * numbersPerRow, values, at * valuesPerRow, nulls, at * nullsPerRow),
    read: (at: number) => image.read(numbers, at * numbersPerRow, values, at * valuesPerRow, nulls, at * nullsPerRow),
    all: () => ({ numbers: [...numbers], values: [...values], nulls: [...nulls] }),
  }
}

const forms = { compiled: rowImage(columns), generic: rowImage(columns, { compile: false }) }

for (const [form, image] of Object.entries(forms)) {
  test(`a row that was written is read again, whatever its kinds, values and nulls: ${form}`, (t) => {
    const random = new SeededRandom(seed)
    t.log(`VARVE_SEED=${seed}`)
    const room = roomFor(image, 8)
    const rows = new Array<Record<string, ColumnValue>>(8)
    for (let step = 0; step < 400; step++) {
      const at = step < 8 ? step : random.below(8)
      rows[at] = Object.fromEntries(columns.map((column) => [column.name, randomValue(random, column)]))
      room.write(rows[at], at)
      const near = step < 8 ? at : random.below(8)
      t.deepEqual(room.read(near), rows[near])
      t.deepEqual(Object.keys(room.read(near)), Object.keys(rows[near] as object))
    }
  })

  test(`binary values are copied on the way in and out, of a Buffer too: ${form}`, (t) => {
    const binaries = rowImageOf(form, [{ kind: 'binary' }, { kind: 'binary', nullable: true }])
    const room = roomFor(binaries, 1)
    const given = { c0: Uint8Array.of(1), c1: Buffer.from([2]) }
    room.write(given, 0)
    given.c0[0] = 9
    given.c1[0] = 9
    const read = room.read(0) as { c0: Uint8Array; c1: Uint8Array }
    t.deepEqual([...read.c0, ...read.c1], [1, 2])
    read.c0[0] = 8
    read.c1[0] = 8
    t.deepEqual(room.read(0), { c0: Uint8Array.of(1), c1: Uint8Array.of(2) })
    t.not(room.read(0), room.read(0))
  })
}

function rowImageOf(form: string, of: readonly ColumnSketch[]): RowImage {
  return rowImage(schemaOf(of, [0]).columns, { compile: form === 'compiled' })
}

test('compiled and generic code write the same, and read what the other has written', (t) => {
  const random = new SeededRandom(seed)
  t.log(`VARVE_SEED=${seed}`)
  const { compiled, generic } = forms
  t.not(compiled.read, generic.read)
  const rooms = [roomFor(compiled, 1), roomFor(generic, 1)] as const
  for (let step = 0; step < 200; step++) {
    const row = Object.fromEntries(columns.map((column) => [column.name, randomValue(random, column)]))
    for (const room of rooms) room.write(row, 0)
    t.deepEqual(rooms[0].all(), rooms[1].all())
    t.deepEqual(rooms[0].read(0), rooms[1].read(0))
    t.is(compiled.valueBytesOf(row), generic.valueBytesOf(row))
  }
})

test('only what does not fit a double lies among the values, and only what may be null has a mark', (t) => {
  const image = rowImageOf('compiled', [
    { kind: 'int32' },
    { kind: 'double', nullable: true },
    { kind: 'int64', mode: 'number', nullable: true },
    { kind: 'int64', nullable: true },
    { kind: 'string', nullable: true },
  ])
  t.like(image, { numbersPerRow: 3, valuesPerRow: 2, nullsPerRow: 2 })
})

test('what values take is counted: strings by the bytes of a unit, buffers by theirs, numbers not at all', (t) => {
  t.is(valueBytesOf('x'.repeat(1000)) - valueBytesOf(''), 1000)
  t.is(valueBytesOf('é'.repeat(1000)) - valueBytesOf(''), 1000)
  t.is(valueBytesOf(`${'x'.repeat(999)}ж`) - valueBytesOf(''), 2000)
  t.is(valueBytesOf(new Uint8Array(1000)) - valueBytesOf(new Uint8Array(0)), 1000)
  t.true(valueBytesOf(new Uint8Array(0)) > 100)
  t.true(valueBytesOf(5n) > 0)
  for (const value of [1, true, null]) t.is(valueBytesOf(value), 0)
  const image = rowImageOf('compiled', [{ kind: 'int32' }, { kind: 'string' }, { kind: 'binary', nullable: true }])
  t.is(image.valueBytesOf({ c0: 1, c1: 'abc', c2: null }), valueBytesOf('abc'))
})
