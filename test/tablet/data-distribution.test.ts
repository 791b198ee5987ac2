import test from 'ava'
import { InvariantError } from '../../src/base/errors.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { dataDistribution, type KeyExtent } from '../../src/tablet/data-distribution.ts'
import { ycsbRowSets } from '../support/ycsb-rowsets.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

/** Keys of two bytes, so that positions can be added up key by key. */
function extent(min: number, max: number, sizeBytes: number): KeyExtent {
  return { minKey: key(min), maxKey: key(max), sizeBytes }
}

function key(n: number): Uint8Array {
  return Uint8Array.of(n >> 8, n & 255)
}

function near(a: number, b: number, tolerance = 1e-9): boolean {
  return Math.abs(a - b) <= tolerance
}

test('no ranges have no height, and a range alone has all the data', (t) => {
  t.is(dataDistribution([]).averageHeight, 0)
  const { from, to, averageHeight } = dataDistribution([extent(10, 500, 7)])
  t.deepEqual([from[0], to[0], averageHeight], [0, 1, 1])
})

test('widths are shares of the data, not of the keys', (t) => {
  const { from, to, averageHeight } = dataDistribution([extent(0, 1000, 300), extent(2000, 2001, 100)])
  t.deepEqual([...from], [0, 0.75])
  t.deepEqual([...to], [0.75, 1])
  t.is(averageHeight, 1)
})

test('the average height counts rowsets over a key as often as data lies there', (t) => {
  // 100 bytes under two ranges and 100 bytes under one: the range of 150 bytes covers half of its keys alone.
  const { averageHeight, to } = dataDistribution([extent(0, 2000, 150), extent(0, 1000, 50)])
  t.true(near(to[1] as number, 125 / 200))
  t.true(near(averageHeight, 1 + 125 / 200))
})

test('positions are those that adding up key by key gives', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  for (let run = 0; run < 50; run++) {
    const ranges = Array.from({ length: 1 + random.below(20) }, () => {
      const min = random.below(3000)
      return { min, max: min + random.below(2000), sizeBytes: 1 + random.below(1000) }
    })
    const { from, to, averageHeight } = dataDistribution(ranges.map(({ min, max, sizeBytes }) => extent(min, max, sizeBytes)))
    const below = (n: number) =>
      ranges.reduce((sum, r) => sum + (r.max > r.min ? (r.sizeBytes * Math.max(0, Math.min(n, r.max) - r.min)) / (r.max - r.min) : 0), 0)
    const total = below(5000) || 1
    for (const [i, { min, max }] of ranges.entries()) {
      t.true(near(from[i] as number, below(min) / total), `run ${run}`)
      t.true(near(to[i] as number, below(max) / total), `run ${run}`)
    }
    const height = ranges.reduce((sum, r) => sum + (below(r.max) - below(r.min)) / total, 0)
    t.true(near(averageHeight, height))
  }
})

test('a range of one key has no width, and ranges of one key alone have no height', (t) => {
  const { from, to } = dataDistribution([extent(0, 100, 10), extent(50, 50, 1000)])
  t.is(from[1], to[1])
  t.true(near(from[1] as number, 0.5))
  t.is(dataDistribution([extent(5, 5, 10), extent(6, 6, 10)]).averageHeight, 0)
})

test('ranges that do not touch leave exactly no data between them', (t) => {
  const { from, to } = dataDistribution([extent(0, 7, 13), extent(11, 17, 29), extent(100, 103, 31)])
  t.is(to[0], from[1])
  t.is(to[1], from[2])
})

test('a range of many bytes in few keys takes no precision from those after it', (t) => {
  const dense = { minKey: Uint8Array.of(1), maxKey: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), sizeBytes: 2 ** 40 }
  const wide = Array.from({ length: 4 }, (_, i) => extent(0x0200 + i * 16, 0x0210 + i * 16, 1))
  const { from, to } = dataDistribution([dense, ...wide])
  for (let i = 1; i <= 4; i++) t.true(near(((to[i] as number) - (from[i] as number)) * 2 ** 40, 1, 1e-3))
})

test('keys that agree far beyond what a number holds still have a place', (t) => {
  const long = (last: number[]) => Uint8Array.from([...Array<number>(400).fill(7), ...last])
  const { from, to, averageHeight } = dataDistribution([
    { minKey: Uint8Array.of(1), maxKey: Uint8Array.of(200), sizeBytes: 100 },
    { minKey: long([1]), maxKey: long([9]), sizeBytes: 100 },
    { minKey: long([1, 0]), maxKey: long([9, 0]), sizeBytes: 100 },
  ])
  t.true([...from, ...to].every((position) => position >= 0 && position <= 1))
  t.true((from[1] as number) < (to[1] as number))
  t.true(averageHeight > 1.5 && averageHeight < 3, `${averageHeight}`)
})

test('a range whose ends are the wrong way round is refused', (t) => {
  t.throws(() => dataDistribution([extent(9, 3, 10)]), { instanceOf: InvariantError })
})

test("the real tablet's average height is 40.4", (t) => {
  const rowsets = ycsbRowSets()
  t.is(rowsets.length, 6815)
  t.is(dataDistribution(rowsets).averageHeight.toFixed(1), '40.4')
})
