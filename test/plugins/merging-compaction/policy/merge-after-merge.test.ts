/** A tablet of real keys, merged by the policy's choices until it chooses nothing. */
import test from 'ava'
import { WindowKnapsackPolicy } from '../../../../plugins/merging-compaction/policy/window-knapsack-policy.ts'
import { SeededRandom } from '../../../../src/base/seeded-random.ts'
import type { MergeableRowSet, MergingChoice } from '../../../../src/plugin.ts'

const rowBytes = 1024
const targetRows = 200
const seed = Number(process.env['VARVE_SEED'] ?? 1)
const policy = new WindowKnapsackPolicy()

/** A rowset is its keys, ascending. */
type Keys = readonly number[]

function described(keys: Keys): MergeableRowSet {
  const key = (n: number) => Uint8Array.of(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255)
  return {
    minKey: key(keys[0] as number),
    maxKey: key(keys.at(-1) as number),
    sizeBytes: keys.length * rowBytes,
    rowCount: keys.length,
    deadRowCount: 0,
    available: true,
  }
}

function choose(tablet: readonly Keys[], budgetRows: number): MergingChoice {
  return policy.choose({ rowsets: tablet.map(described), budgetBytes: budgetRows * rowBytes, targetBytes: targetRows * rowBytes })
}

/** As the merging op does: one run of keys in order, cut at the target size. */
function merge(tablet: readonly Keys[], chosen: readonly number[]): Keys[] {
  const keys = chosen.flatMap((i) => tablet[i] as Keys).sort((a, b) => a - b)
  const rest = tablet.filter((_, i) => !chosen.includes(i))
  for (let from = 0; from < keys.length; from += targetRows) rest.push(keys.slice(from, from + targetRows))
  return rest
}

function randomTablet(random: SeededRandom, count: number): Keys[] {
  const used = new Set<number>()
  return Array.from({ length: count }, () => {
    const start = random.below(2 ** 30)
    const spread = random.below(3) === 0 ? 2 ** 30 : 2 ** (16 + random.below(10))
    const rowCount = random.below(2) === 0 ? targetRows : 1 + random.below(targetRows)
    const keys: number[] = []
    while (keys.length < rowCount) {
      const key = start + random.below(spread)
      if (used.has(key)) continue
      used.add(key)
      keys.push(key)
    }
    return keys.sort((a, b) => a - b)
  })
}

test('merge after merge comes to an end, with few rowsets over any key and few small ones', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  for (const budgetRows of [500, 1000, 4000]) {
    let tablet = randomTablet(random, 80)
    const before = choose(tablet, budgetRows)
    let merges = 0
    let choice = before
    for (; choice.rowsets.length > 0; choice = choose(tablet, budgetRows)) {
      tablet = merge(tablet, choice.rowsets)
      merges++
      t.true(merges < 300, 'it should have come to an end')
    }
    const rowCount = tablet.reduce((sum, keys) => sum + keys.length, 0)
    t.log(
      `${budgetRows} rows a merge, ${merges} merges: average height ${before.averageHeight.toFixed(2)} → ` +
        `${choice.averageHeight.toFixed(2)}, 80 → ${tablet.length} rowsets; full ones would be ${Math.ceil(rowCount / targetRows)}`,
    )
    t.true(choice.averageHeight < 1.5 && choice.averageHeight < before.averageHeight)
    t.true(tablet.length <= (rowCount / targetRows) * 2 + 2)
  }
})

test('a merge lowers the average height by about what the choice says', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  let [promised, kept] = [0, 0]
  for (let run = 0; run < 20; run++) {
    const tablet = randomTablet(random, 40)
    const choice = choose(tablet, 1000)
    const after = choose(merge(tablet, choice.rowsets), 1000)
    promised += choice.heightRemoved
    kept += choice.averageHeight - after.averageHeight
  }
  t.true(kept > promised * 0.9 && kept < promised * 1.3, `${kept} of ${promised}`)
})
