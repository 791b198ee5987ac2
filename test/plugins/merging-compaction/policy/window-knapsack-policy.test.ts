import test from 'ava'
import { WindowKnapsackPolicy } from '../../../../plugins/merging-compaction/policy/window-knapsack-policy.ts'
import { SeededRandom } from '../../../../src/base/seeded-random.ts'
import { dataDistribution, type MergeableRowSet, type MergingChoice } from '../../../../src/plugin.ts'
import { randomRowSets, rowset } from '../../../support/random-rowsets.ts'
import { ycsbRowSets } from '../../../support/ycsb-rowsets.ts'

const MiB = 2 ** 20
const targetBytes = 32 * MiB
const seed = Number(process.env['VARVE_SEED'] ?? 1)
const policy = new WindowKnapsackPolicy()

function choose(rowsets: readonly MergeableRowSet[], budgetMiB: number, o: { inputsMax?: number } = {}): MergingChoice {
  return policy.choose({ rowsets, budgetBytes: budgetMiB * MiB, targetBytes, ...o })
}

/** Random tablets of all kinds: wide and narrow, full and small, many rowsets and few. */
function* tablets(runs: number, countMax: number): Generator<MergeableRowSet[]> {
  const random = new SeededRandom(seed)
  for (let run = 0; run < runs; run++) {
    const options = {
      count: 2 + random.below(countMax - 1),
      sizeBytesMax: random.below(2) === 0 ? targetBytes : 2 ** (10 + random.below(16)),
      widthMax: [0.01, 0.1, 0.5, 1][random.below(4)] as number,
      fullShare: [0, 0.5, 1][random.below(3)] as number,
    }
    yield randomRowSets(random, options)
  }
}

test('the real tablet: as much height is removed as the goals ask for, within each budget', (t) => {
  const rowsets = ycsbRowSets()
  for (const [budgetMiB, atLeast] of [
    [128, 0.118],
    [256, 0.247],
    [512, 0.515],
    [1024, 1.05],
  ] as const) {
    const { heightRemoved, bytes, averageHeight, reason } = choose(rowsets, budgetMiB)
    t.log(reason)
    t.is(averageHeight.toFixed(1), '40.4')
    t.true(heightRemoved >= atLeast, `${heightRemoved}`)
    t.true(bytes <= budgetMiB * MiB)
  }
})

test('the real tablet: what is removed never falls as the budget grows', (t) => {
  const rowsets = ycsbRowSets()
  let last = choose(rowsets, 1)
  for (const budgetMiB of [2, 32, 64, 100, 127, 128, 129, 150, 200, 256, 300, 513, 1000, 1024]) {
    const choice = choose(rowsets, budgetMiB)
    t.true(choice.heightRemoved >= last.heightRemoved, `${budgetMiB} MiB`)
    t.true(choice.score >= last.score, `${budgetMiB} MiB`)
    last = choice
  }
})

test('what is removed never falls as the budget grows, whatever the tablet', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  for (const rowsets of [...tablets(60, 12), ...tablets(15, 40)]) {
    const totalMiB = rowsets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / MiB
    let last = choose(rowsets, 0)
    for (let part = 1; part <= 24; part++) {
      const choice = choose(rowsets, (totalMiB * part) / 23)
      t.true(choice.heightRemoved >= last.heightRemoved && choice.score >= last.score, `${choice.reason}; before: ${last.reason}`)
      last = choice
    }
  }
})

test('a choice keeps to the budget and to what is available, and its figures are those of the rowsets chosen', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  for (const tablet of tablets(80, 60)) {
    const rowsets = tablet.map((each) => ({ ...each, available: random.below(5) > 0 }))
    const budgetMiB = (rowsets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / MiB) * random.next()
    const choice = choose(rowsets, budgetMiB, { inputsMax: 2 + random.below(20) })
    const { from, to, averageHeight } = dataDistribution(rowsets)
    const { rowsets: chosen, bytes, heightRemoved } = choice
    t.is(choice.averageHeight, averageHeight)
    if (chosen.length === 0) {
      t.like(choice, { bytes: 0, heightRemoved: 0, heightRemovedPerMiB: 0, rowsetsRemoved: 0, score: 0 })
      continue
    }
    t.true(chosen.length >= 2)
    t.true(chosen.every((i, k) => k === 0 || i > (chosen[k - 1] as number)))
    t.true(chosen.every((i) => rowsets[i]?.available))
    t.is(
      bytes,
      chosen.reduce((sum, i) => sum + (rowsets[i]?.sizeBytes ?? 0), 0),
    )
    t.true(bytes <= budgetMiB * MiB)
    const union = Math.max(...chosen.map((i) => to[i] as number)) - Math.min(...chosen.map((i) => from[i] as number))
    const widths = chosen.reduce((sum, i) => sum + (to[i] as number) - (from[i] as number), 0)
    t.true(Math.abs(heightRemoved - (widths - union)) < 1e-9)
    t.is(choice.heightRemovedPerMiB, heightRemoved / (bytes / MiB))
    t.true(choice.score > 0)
    t.true(heightRemoved > 0 || (heightRemoved === 0 && choice.rowsetsRemoved > 0))
  }
})

test('no more rowsets are chosen than a merge may take in', (t) => {
  const rowsets = randomRowSets(new SeededRandom(seed), { count: 300, sizeBytesMax: MiB, widthMax: 1 })
  t.is(choose(rowsets, 1024, { inputsMax: 7 }).rowsets.length, 7)
  t.is(choose(rowsets, 1024).rowsets.length, 128)
})

test('the same question has the same answer, in whatever order rowsets are named', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  for (const rowsets of tablets(20, 60)) {
    const first = choose(rowsets, 100)
    t.deepEqual(choose(rowsets, 100), first)
    const turned = choose(rowsets.toReversed(), 100)
    t.is(turned.heightRemoved, first.heightRemoved)
    t.is(turned.bytes, first.bytes)
  }
})

test('rowsets of full size that do not overlap are left alone, at any budget', (t) => {
  const rowsets = Array.from({ length: 200 }, (_, i) => rowset({ from: i / 200, to: (i + 0.99) / 200, sizeBytes: targetBytes }))
  for (const budgetMiB of [64, 128, 1024, 100_000]) t.deepEqual(choose(rowsets, budgetMiB).rowsets, [])
})

test('of rowsets of full size, those that overlap are merged and their neighbours left alone', (t) => {
  const neighbours = Array.from({ length: 50 }, (_, i) => rowset({ from: i / 50, to: (i + 0.99) / 50, sizeBytes: targetBytes }))
  const rowsets = [...neighbours, rowset({ from: 20 / 50, to: 20.99 / 50, sizeBytes: targetBytes })]
  t.deepEqual(choose(rowsets, 1024).rowsets, [20, 50])
})

test('small neighbours are merged if their number falls', (t) => {
  const small = (sizeMiB: number, count: number) =>
    Array.from({ length: count }, (_, i) => rowset({ from: i / count, to: (i + 0.99) / count, sizeBytes: sizeMiB * MiB }))
  t.like(choose(small(4, 8), 128), { rowsets: [0, 1, 2, 3, 4, 5, 6, 7], rowsetsRemoved: 7, heightRemoved: 0 })
  t.deepEqual(choose(small(20, 2), 128).rowsets, [], 'two of 20 MiB are two again')
  t.deepEqual(choose(small(31, 4), 128).rowsets, [], 'four of 31 MiB are four again')
})

test('small rowsets are not merged across the keys of larger ones, where that would raise the height', (t) => {
  const full = Array.from({ length: 10 }, (_, i) => rowset({ from: i / 10, to: (i + 0.99) / 10, sizeBytes: targetBytes }))
  const small = [rowset({ from: 0.0992, to: 0.0996, sizeBytes: MiB }), rowset({ from: 0.8992, to: 0.8996, sizeBytes: MiB })]
  t.deepEqual(choose([...full, ...small], 20).rowsets, [])
})

test('rowsets whose rows are mostly dead count as small', (t) => {
  const rowsets = (deadShare: number) =>
    Array.from({ length: 4 }, (_, i) => rowset({ from: i / 4, to: (i + 0.99) / 4, sizeBytes: targetBytes, deadShare }))
  t.deepEqual(choose(rowsets(0), 128).rowsets, [])
  t.like(choose(rowsets(0.9), 128), { rowsets: [0, 1, 2, 3], rowsetsRemoved: 3 })
})

test('a rowset that is not available counts in where the data lies, and is not chosen', (t) => {
  const three = [0, 1, 2].map(() => rowset({ from: 0, to: 1, sizeBytes: targetBytes }))
  const rowsets = three.map((each, i) => ({ ...each, available: i !== 1 }))
  t.like(choose(rowsets, 128), { rowsets: [0, 2], averageHeight: 3, heightRemoved: 1 })
})

test('nothing is chosen where there is nothing to choose from', (t) => {
  const one = rowset({ from: 0, to: 1, sizeBytes: MiB })
  for (const rowsets of [[], [one], [one, { ...one, available: false }]]) t.deepEqual(choose(rowsets, 128).rowsets, [])
  t.deepEqual(choose([one, one], 1.9).rowsets, [], 'two do not fit')
  t.deepEqual(choose([one, one], 2).rowsets, [0, 1])
  t.deepEqual(choose([one, one], Number.POSITIVE_INFINITY).rowsets, [0, 1])
})

test('rowsets of no bytes are merged like any small ones', (t) => {
  const rowsets = [0, 1, 2].map((i) => rowset({ from: i / 3, to: (i + 0.5) / 3, sizeBytes: i === 1 ? 0 : MiB }))
  t.deepEqual(choose(rowsets, 128).rowsets, [0, 1, 2])
})

test('the reason names the budget and what falls', (t) => {
  const two = [0, 1].map(() => rowset({ from: 0, to: 1, sizeBytes: MiB }))
  t.is(choose(two, 128).reason, '2 rowsets of 2 MiB within 128 MiB: average height 2.00 falls by 1.00, the number of rowsets by 1')
  t.regex(choose(two, 1).reason, /^of 2 rowsets none within 1 MiB are worth merging/)
})

test('a target size or a number of inputs that no merge can keep to is refused', (t) => {
  for (const targetBytes of [0, -1, Number.NaN]) {
    t.throws(() => policy.choose({ rowsets: [], budgetBytes: 1, targetBytes }), { instanceOf: TypeError, message: /targetBytes/ })
  }
  t.throws(() => choose([], 128, { inputsMax: 1 }), { instanceOf: TypeError, message: /inputsMax/ })
})
