import test from 'ava'
import fc from 'fast-check'
import { RowSetTree } from '../../src/rowset/rowset-tree.ts'
import { compareBytes, keysFromBytes } from '../../src/schema/key-encoding.ts'
import { schemaOf } from './support/random-table.ts'

interface Span {
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
  readonly sizeBytes: number
}

/** An encoded two-byte key. */
const key = (n: number) => Uint8Array.of(n >> 8, n & 255)
const schema = schemaOf([{ kind: 'int16' }], [0])

const spans = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 100 })), { maxLength: 60 })
  .map((list) => list.map(([low, width, sizeBytes]): Span => ({ minKey: key(low), maxKey: key(low + width), sizeBytes })))

function byLowestKey(list: readonly Span[]): Span[] {
  return [...list].sort((a, b) => compareBytes(a.minKey, b.minKey))
}

test('the rowsets that may hold a key are those whose span includes it', (t) => {
  fc.assert(
    fc.property(spans, fc.integer({ min: 0, max: 470 }), (list, n) => {
      const expected = byLowestKey(
        list.filter(({ minKey, maxKey }) => compareBytes(minKey, key(n)) <= 0 && compareBytes(key(n), maxKey) <= 0),
      )
      const tree = RowSetTree.of(list)
      t.deepEqual(tree.holding(key(n)), expected)
      t.deepEqual(tree.holdingKey(keysFromBytes(schema, [key(9999), key(n)]), 1), expected)
    }),
    { numRuns: 300 },
  )
})

test('the rowsets that overlap a range are those with a key in it or around it', (t) => {
  const bound = fc.option(fc.integer({ min: 0, max: 470 }), { nil: undefined })
  fc.assert(
    fc.property(spans, bound, bound, (list, low, high) => {
      const lower = low === undefined ? undefined : key(low)
      const upper = high === undefined ? undefined : key(high)
      const expected = list.filter(
        ({ minKey, maxKey }) =>
          (lower === undefined || compareBytes(maxKey, lower) >= 0) && (upper === undefined || compareBytes(minKey, upper) < 0),
      )
      t.deepEqual(RowSetTree.of(list).overlapping({ lower, upper }), byLowestKey(expected))
    }),
    { numRuns: 300 },
  )
})

test('the rowsets that a block of keys concerns are those that overlap its lowest to its highest key', (t) => {
  fc.assert(
    fc.property(spans, fc.array(fc.integer({ min: 0, max: 470 }), { maxLength: 6 }), (list, numbers) => {
      const keys = keysFromBytes(schema, numbers.map(key))
      const [low, high] = [key(Math.min(...numbers, 9999)), key(Math.max(...numbers, 0))]
      const expected =
        numbers.length === 0 ? [] : list.filter(({ minKey, maxKey }) => compareBytes(maxKey, low) >= 0 && compareBytes(minKey, high) <= 0)
      t.deepEqual(RowSetTree.of(list).overlappingKeys(keys), byLowestKey(expected))
    }),
    { numRuns: 300 },
  )
})

test('adding and removing rowsets gives new trees and leaves the old one as it was', (t) => {
  const [a, b, c] = [3, 1, 2].map((n): Span => ({ minKey: key(n), maxKey: key(n + 1), sizeBytes: 1 })) as [Span, Span, Span]
  const first = RowSetTree.of([a, b])
  const second = first.with([c])
  const third = second.without([a])
  t.deepEqual(
    [first.rowsets, second.rowsets, third.rowsets],
    [
      [b, a],
      [b, c, a],
      [b, c],
    ],
  )
  t.deepEqual([first.size, second.size, third.size], [2, 3, 2])
  t.deepEqual(third.holding(key(3)), [c])
  t.deepEqual(second.holding(key(3)), [c, a])
})

test('a question of ten thousand rowsets side by side compares a few keys, not all', (t) => {
  let reads = 0
  const list = Array.from({ length: 10_000 }, (_, i) => ({
    get minKey() {
      reads++
      return key(i * 6)
    },
    maxKey: key(i * 6 + 5),
  }))
  const tree = RowSetTree.of(list)
  reads = 0
  t.is(tree.holding(key(31_234)).length, 1)
  t.true(reads <= 32, `${reads} keys were read`)
})
