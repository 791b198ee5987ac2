import test, { type ExecutionContext } from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import type { ColumnKind, ColumnVector, DictionaryVector, FixedVector } from '../../src/schema/column-vector.ts'
import { compareBytes } from '../../src/schema/key-encoding.ts'
import type { EncodedColumn } from '../../src/sstable/block-encoding.ts'
import { blockEncodingName, elementBytes } from '../../src/sstable/block-encoding.ts'
import { CachedColumn, decodeColumn, encodeColumn } from '../../src/sstable/column-block.ts'
import { PayloadWriter } from '../../src/sstable/payload-writer.ts'
import { bytesVector, type FixedKind, fixedKinds, fixedVector, limits, randomNulls, toList } from './fixtures/vectors.ts'

const seed = Number(process.env['VARVE_TEST_SEED'] ?? Date.now())
const out = new PayloadWriter()

function roundTrip(vector: ColumnVector, kind: ColumnKind): EncodedColumn & { decoded: ColumnVector; sizeBytes: number; name: string } {
  const encoded = encodeColumn(out, vector, kind)
  const payload = out.take()
  const hasNulls = encoded.zoneMap.nullCount > 0
  const decoded = decodeColumn(payload, { kind, encoding: encoded.encoding, rowCount: vector.length, hasNulls })
  return { ...encoded, decoded, sizeBytes: payload.length, name: blockEncodingName(encoded.encoding) }
}

/** How numbers of a column may lie. */
const shapes: Record<string, (random: SeededRandom, min: number, max: number, whole: boolean) => (i: number) => number> = {
  'anywhere in the range': (random, min, max, whole) => () =>
    whole ? Math.round(min / 2 + random.next() * (max / 2 - min / 2)) * 2 : min + random.next() * max,
  'at the limits': (random, min, max) => () => (random.next() < 0.5 ? min : max),
  'one value': (_random, _min, max) => () => max,
  'all zero': () => () => 0,
  ascending: (random, _min, max) => {
    let value = 0
    return () => (value = Math.min(max, value + random.below(3)))
  },
  descending: (_random, min) => (i) => Math.max(min, 5 - i * 7),
  runs: (random, min, max) => {
    let value = 0
    return (i) => {
      if (i % 50 === 0) value = Math.max(min, Math.min(max, random.below(1000) - 500))
      return value
    }
  },
  'few far apart': (random, _min, max, whole) => {
    const values = Array.from({ length: 5 }, () => (whole ? Math.round(random.next() * max) : random.next() * max))
    return () => values[random.below(5)] as number
  },
  'a narrow band': (random, min, max) => () => Math.max(min, Math.min(max, 100 + random.below(20))),
}

for (const kind of fixedKinds) {
  test(`${kind}: every distribution, with and without nulls, comes back exactly and in no more than plain size`, (t) => {
    t.log(`seed ${seed}`)
    const random = new SeededRandom(seed)
    const [min, max] = limits[kind]
    const whole = kind !== 'float' && kind !== 'double'
    for (const [shape, make] of Object.entries(shapes)) {
      for (const nullShare of [0, 0.1, 0.9, 1]) {
        for (const count of [1, 2, 63, 1000]) {
          const next = make(random, min, max, whole)
          const vector = fixedVector(
            kind,
            Array.from({ length: count }, (_, i) => next(i)),
            randomNulls(random, count, nullShare),
          )
          check(t, vector, kind, `${shape}, ${count} rows, nulls ${nullShare}`)
        }
      }
    }
  })
}

function check(t: ExecutionContext, vector: FixedVector, kind: FixedKind, label: string): void {
  const { decoded, sizeBytes, zoneMap, name } = roundTrip(vector, kind)
  t.is(decoded.form, 'fixed')
  const { values, nulls } = decoded as FixedVector
  t.is(values.constructor, vector.values.constructor, `${label}: ${name}`)
  const same = values.length === vector.length && vector.values.every((value, i) => Object.is(values[i], value))
  t.true(same, `${label}: ${name} changed a value`)
  t.deepEqual(nulls ?? new Uint8Array(vector.length), vector.nulls ?? new Uint8Array(vector.length), label)
  t.true(sizeBytes <= vector.length * elementBytes(kind) + Math.ceil(vector.length / 64) * 8 + 8, `${label}: ${name} takes ${sizeBytes}`)
  const present = toList(vector).filter((value) => value !== null) as number[]
  t.deepEqual(
    { min: zoneMap.min, max: zoneMap.max, nullCount: zoneMap.nullCount },
    {
      min: present.length ? present.reduce((a, b) => Math.min(a, b)) : undefined,
      max: present.length ? present.reduce((a, b) => Math.max(a, b)) : undefined,
      nullCount: vector.length - present.length,
    },
    `${label}: ${name}`,
  )
}

test('a block gets the encoding that suits what it shows', (t) => {
  const random = new SeededRandom(5)
  const count = 8192
  const column = (kind: FixedKind, value: (i: number) => number): ReturnType<typeof roundTrip> =>
    roundTrip(
      fixedVector(
        kind,
        Array.from({ length: count }, (_, i) => value(i)),
      ),
      kind,
    )
  const cases: [string, ReturnType<typeof roundTrip>, string, number][] = [
    ['random doubles', column('double', () => random.next()), 'plain', 8],
    ['random int32', column('int32', () => random.below(2 ** 32) - 2 ** 31), 'plain', 4],
    ['one value', column('double', () => 0.1), 'constant', 0.01],
    ['row numbers', column('int32', (i) => 1e6 + i), 'delta', 0.01],
    ['timestamps, a second or so apart', column('timestamp', (i) => 1.7e12 + i * 1000 + random.below(16)), 'delta', 0.8],
    ['delays in minutes, as doubles', column('double', () => random.below(200) - 50), 'frame', 1.01],
    ['prices', column('double', () => random.below(60000) / 100), 'frame', 2.01],
    ['prices as floats', column('float', () => random.below(60000) / 100), 'frame', 2.01],
    ['whole minutes', column('timestamp', () => 1.7e12 + random.below(60000) * 60000), 'frame', 2.01],
    ['flags', column('bool', () => random.below(2)), 'frame', 0.13],
    ['rare flags', column('bool', (i) => (i === 4000 ? 1 : 0)), 'frame', 0.01],
    ['hosts in key order', column('int32', (i) => Math.floor(i / 300)), 'frame', 0.02],
    ['three odd doubles', column('double', () => [Math.PI, Math.E, 1e100][random.below(3)] as number), 'lookup', 0.3],
  ]
  for (const [label, { name, sizeBytes }, expected, bytesPerValue] of cases) {
    t.is(name, expected, label)
    t.true(sizeBytes / count <= bytesPerValue, `${label}: ${sizeBytes / count} bytes a value`)
  }
})

test('doubles that are no decimals keep their every bit', (t) => {
  const odd = [-0, 0, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE, 0.1 + 0.2, 2 ** 53, 2 ** 53 + 2, -(2 ** 60)]
  for (const values of [
    odd,
    [-0, 0, 0],
    [0, -0, -0],
    [-0, -0],
    [NaN, NaN],
    [1, 2, NaN],
    [Infinity, 1],
    [1, 2, 3, -0],
    [0.1, 0.25, 0.30000000000000004],
  ]) {
    for (const kind of ['double', 'float'] as const) {
      const vector = fixedVector(kind, values)
      const { decoded, zoneMap } = roundTrip(vector, kind)
      const back = Array.from((decoded as FixedVector).values as Float64Array)
      t.true(back.length === values.length && back.every((value, i) => Object.is(value, vector.values[i])), `${kind} ${values.join()}`)
      const numbers = Array.from(vector.values as Float64Array).filter((value) => !Number.isNaN(value))
      t.is(zoneMap.hasNaN, numbers.length < values.length)
      t.true(
        numbers.length === 0 ? zoneMap.min === undefined : zoneMap.min === Math.min(...numbers) && zoneMap.max === Math.max(...numbers),
      )
    }
  }
})

test('int64: bigints within ±2^53 come back as doubles, others as bigints', (t) => {
  const wide = (values: bigint[], nulls?: Uint8Array): ColumnVector => ({
    form: 'fixed',
    length: values.length,
    values: BigInt64Array.from(values),
    nulls,
  })
  const narrow = roundTrip(wide([0n, -1n, 2n ** 53n - 1n, -(2n ** 53n), 5n]), 'int64').decoded as FixedVector
  t.deepEqual(narrow.values, Float64Array.of(0, -1, 2 ** 53 - 1, -(2 ** 53), 5))
  for (const values of [[2n ** 53n], [-(2n ** 53n) - 1n, 1n], [2n ** 63n - 1n, -(2n ** 63n), 0n], [2n ** 62n, 2n ** 62n]]) {
    const { decoded, zoneMap } = roundTrip(wide(values), 'int64')
    t.deepEqual((decoded as FixedVector).values, BigInt64Array.from(values))
    t.is(
      zoneMap.min,
      values.reduce((a, b) => (b < a ? b : a)),
    )
    t.is(
      zoneMap.max,
      values.reduce((a, b) => (b > a ? b : a)),
    )
  }
  const { decoded, zoneMap } = roundTrip(wide([2n ** 60n, 0n, 2n ** 60n], Uint8Array.of(0, 1, 0)), 'int64')
  t.deepEqual(toList(decoded), [2n ** 60n, null, 2n ** 60n])
  t.deepEqual(Array.from((decoded as FixedVector).values as BigInt64Array), [2n ** 60n, 0n, 2n ** 60n])
  t.is(zoneMap.nullCount, 1)
  t.is(zoneMap.min, 2n ** 60n)
})

const words = ['', 'a', 'ab', 'b', 'ü', '𝔘', '\u0000', '\u0000a', 'a\u0000', 'zz']

test('strings of every distribution come back, as a dictionary where that is smaller', (t) => {
  t.log(`seed ${seed}`)
  const random = new SeededRandom(seed)
  const kinds: Record<string, () => string> = {
    few: () => words[random.below(words.length)] as string,
    unique: () => `user-${random.next()}`,
    same: () => 'constant',
    empty: () => '',
    'many but repeated': () => `airport ${random.below(300)}`,
  }
  for (const [label, make] of Object.entries(kinds)) {
    for (const nullShare of [0, 0.2, 1]) {
      for (const count of [1, 2, 300, 3000]) {
        const values = Array.from({ length: count }, () => (random.next() < nullShare ? null : make()))
        const vector = bytesVector(values)
        const { decoded, zoneMap, name } = roundTrip(vector, 'string')
        t.deepEqual(toList(decoded), toList(vector), `${label} ${count} ${nullShare} ${name}`)
        const present = values
          .filter((value) => value !== null)
          .map((value) => Buffer.from(value))
          .sort(Buffer.compare)
        t.is(zoneMap.nullCount, count - present.length)
        t.deepEqual(
          [zoneMap.min, zoneMap.max].map((bound) => bound && Buffer.from(bound as Uint8Array)),
          [present[0], present.at(-1)],
        )
        if (count === 3000 && nullShare < 1 && label !== 'empty') t.is(name, label === 'unique' ? 'bytes' : 'dictionary', label)
        if (decoded.form === 'dictionary') checkDictionary(t, decoded)
      }
    }
  }
})

test('values that come twice make a dictionary wherever they lie, and rows that are all different none', (t) => {
  const lies: Record<string, (i: number, count: number) => number> = {
    'side by side': (i) => i >> 1,
    'as far apart as can be': (i, count) => i % (count / 2),
    'in order, the first half different': (i, count) => (i < count / 2 ? i : i % 16),
  }
  for (const count of [128, 1000, 8192]) {
    for (const [how, numberOf] of Object.entries(lies)) {
      const values = Array.from({ length: count }, (_, i) => `value ${String(numberOf(i, count)).padStart(20, '0')}`)
      t.is(roundTrip(bytesVector(values), 'string').name, 'dictionary', `${how}, ${count} rows`)
    }
    const different = Array.from({ length: count }, (_, i) => `value ${i}`)
    t.is(roundTrip(bytesVector(different), 'string').name, 'bytes', `${count} rows`)
  }
})

function checkDictionary(t: ExecutionContext, { codes, dictionary, nulls }: DictionaryVector): void {
  const entries = toList(dictionary) as string[]
  t.deepEqual(entries, [...new Set(entries)].sort(), 'distinct and ascending by bytes')
  t.is(codes.constructor, dictionary.length <= 256 ? Uint8Array : dictionary.length <= 65536 ? Uint16Array : Int32Array)
  if (nulls !== undefined)
    t.true(
      nulls.every((flag, i) => flag === 0 || codes[i] === 0),
      'a null row has code 0',
    )
  const used = new Set(Array.from(codes).filter((_, i) => nulls?.[i] !== 1))
  t.is(used.size, dictionary.length, 'no entry is unused')
}

test('a dictionary vector is written without the entries its rows do not use, or as plain strings where those are smaller', (t) => {
  const dictionary = bytesVector(Array.from({ length: 500 }, (_, i) => `entry ${String(i).padStart(4, '0')}`))
  const few: DictionaryVector = {
    form: 'dictionary',
    length: 900,
    codes: Uint16Array.from({ length: 900 }, (_, i) => (i % 3) * 200 + 7),
    dictionary,
    nulls: undefined,
  }
  const pruned = roundTrip(few, 'string')
  t.is(pruned.name, 'dictionary')
  t.deepEqual(toList(pruned.decoded), toList(few))
  checkDictionary(t, pruned.decoded as DictionaryVector)
  const nulls = Uint8Array.from({ length: 500 }, (_, i) => (i % 5 === 0 ? 1 : 0))
  const all: DictionaryVector = {
    form: 'dictionary',
    length: 500,
    codes: Uint16Array.from({ length: 500 }, (_, i) => (nulls[i] === 1 ? 0 : i)),
    dictionary,
    nulls,
  }
  const plain = roundTrip(all, 'string')
  t.is(plain.name, 'bytes')
  t.deepEqual(toList(plain.decoded), toList(all))
})

test('zone maps of long values are short bounds that still hold', (t) => {
  const bytes = (head: number, tail: number): Uint8Array => new Uint8Array(100).fill(head).fill(tail, 40)
  const { zoneMap } = roundTrip(bytesVector([bytes(5, 200), bytes(9, 255)]), 'binary')
  t.true((zoneMap.min as Uint8Array).length <= 32 && (zoneMap.max as Uint8Array).length <= 32 && zoneMap.known)
  t.true(compareBytes(zoneMap.min as Uint8Array, bytes(5, 200)) <= 0)
  t.true(compareBytes(zoneMap.max as Uint8Array, bytes(9, 255)) >= 0)
  const carried = roundTrip(bytesVector([new Uint8Array(50).fill(255).fill(3, 0, 1)]), 'binary').zoneMap
  t.deepEqual(carried.max, Uint8Array.of(4))
  const unbounded = roundTrip(bytesVector([new Uint8Array(50).fill(255)]), 'binary').zoneMap
  t.false(unbounded.known)
})

test('the cached size of a column is the memory it keeps alive', (t) => {
  const plain = roundTrip(
    fixedVector(
      'double',
      Array.from({ length: 1000 }, (_, i) => Math.sin(i)),
    ),
    'double',
  )
  t.is(plain.name, 'plain')
  const cached = new CachedColumn(plain.decoded)
  t.true(cached.byteLength >= 8000 && cached.byteLength < 9000)
  const strings = new CachedColumn(roundTrip(bytesVector(Array.from({ length: 1000 }, (_, i) => `tag ${i % 20}`)), 'string').decoded)
  t.true(strings.byteLength >= 1000 && strings.byteLength < 4000)
})

test('a payload cut short or with an unknown encoding is refused', (t) => {
  const vector = fixedVector(
    'double',
    Array.from({ length: 100 }, (_, i) => i * i),
  )
  const { encoding } = encodeColumn(out, vector, 'double')
  const payload = out.take()
  const o = { kind: 'double', rowCount: 100, hasNulls: false } as const
  t.throws(() => decodeColumn(payload.slice(0, payload.length - 8), { ...o, encoding }))
  t.throws(() => decodeColumn(payload, { ...o, encoding: 99 }))
  t.throws(() => decodeColumn(payload, { ...o, kind: 'string', encoding }))
})
