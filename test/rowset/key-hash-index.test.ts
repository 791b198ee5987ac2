import test from 'ava'
import fc from 'fast-check'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { ChunkPool } from '../../src/rowset/chunk-pool.ts'
import { KeyHashIndex } from '../../src/rowset/key-hash-index.ts'

/** Rows whose key is a number of their own, at `keys[row]`. */
class NumberedRows {
  readonly keys: number[] = []

  rowHasKey(row: number, keys: Uint32Array, index: number): boolean {
    return this.keys[row] === keys[index]
  }
}

/** Adds `count` keys to a new index and looks all of them, and as many absent ones, up. */
function holdsWhatWasPut(pool: ChunkPool, count: number, hashOf: (key: number) => number): string | undefined {
  const index = new KeyHashIndex(pool)
  const rows = new NumberedRows()
  for (let from = 0; from < count; from += 1000) {
    const size = Math.min(1000, count - from)
    const hashes = Uint32Array.from({ length: size }, (_, i) => hashOf(from + i))
    index.insertMany(hashes, undefined, size, from)
    for (let i = 0; i < size; i++) rows.keys.push(from + i)
  }
  const keys = Uint32Array.from({ length: count * 2 }, (_, i) => i)
  for (let key = 0; key < count * 2; key++) {
    const found = index.find(rows, count, keys, key, hashOf(key))
    if (found !== (key < count ? key : -1)) return `key ${key} of ${count} is found at ${found}`
  }
  index.release()
  return undefined
}

test('every key is found and no other, while tables split and the memory is what others left', (t) => {
  const pool = new ChunkPool()
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 60_000 }), (seed, count) => {
      const salt = new SeededRandom(seed).below(2 ** 32)
      t.is(
        holdsWhatWasPut(pool, count, (key) => Math.imul(key ^ salt, 0x9e3779b1) >>> 0),
        undefined,
      )
    }),
    { numRuns: 12 },
  )
  t.is(pool.usedBytes, 0)
})

test('hashes that agree in their top bits, or altogether, are still told apart by key', (t) => {
  const pool = new ChunkPool()
  t.is(
    holdsWhatWasPut(pool, 12_000, (key) => (0xabcd0000 | (key & 0xffff)) >>> 0),
    undefined,
  )
  t.is(
    holdsWhatWasPut(pool, 700, () => 12345),
    undefined,
  )
})

test('rows above the row count are not found, though they were put', (t) => {
  const index = new KeyHashIndex(new ChunkPool())
  const rows = new NumberedRows()
  rows.keys.push(5)
  index.insertMany(Uint32Array.of(9), undefined, 1, 0)
  t.is(index.find(rows, 0, Uint32Array.of(5), 0, 9), -1)
  t.is(index.find(rows, 1, Uint32Array.of(5), 0, 9), 0)
})

test('no insert moves more than one table: the rows moved by a batch stay few as the index grows', (t) => {
  const index = new KeyHashIndex(new ChunkPool())
  const random = new SeededRandom(3)
  let before = index.usedBytes
  let mostAdded = 0
  for (let row = 0; row < 1_000_000; row += 1000) {
    index.insertMany(
      Uint32Array.from({ length: 1000 }, () => random.below(2 ** 32)),
      undefined,
      1000,
      row,
    )
    mostAdded = Math.max(mostAdded, index.usedBytes - before)
    before = index.usedBytes
  }
  // A rehash of everything would add megabytes at once: a batch splits a few tables, and takes at most a few chunks for them.
  t.true(mostAdded <= 3 * 1024 * 1024, `${mostAdded} bytes in one batch`)
})
