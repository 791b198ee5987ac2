/** The policy against a search that tries every set of rowsets, on tablets small enough for that. */
import test from 'ava'
import { WindowKnapsackPolicy } from '../../../../plugins/merging-compaction/policy/window-knapsack-policy.ts'
import { SeededRandom } from '../../../../src/base/seeded-random.ts'
import { dataDistribution, type MergeableRowSet } from '../../../../src/plugin.ts'
import { randomRowSets } from '../../../support/random-rowsets.ts'

const targetBytes = 32 * 2 ** 20
const seed = Number(process.env['VARVE_SEED'] ?? 1)
const policy = new WindowKnapsackPolicy()

interface Tried {
  readonly bytes: number
  readonly heightRemoved: number
  readonly score: number
}

/**
 * Every set of two and more that is worth anything, by the definition in docs/decisions/0015-merging-policy.md: the height
 * that it removes + a quarter of a unit for each input that is small, less as much for an output that may be, less a
 * sixteenth for each target size that is rewritten.
 */
function allSets(rowsets: readonly MergeableRowSet[]): Tried[] {
  const { from, to } = dataDistribution(rowsets)
  const unit = Math.min(1, targetBytes / rowsets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  const tried: Tried[] = []
  for (let set = 1; set < 2 ** rowsets.length; set++) {
    const chosen = rowsets.flatMap((_, i) => ((set >> i) & 1 ? [i] : []))
    if (chosen.length < 2) continue
    const sizes = chosen.map((i) => (rowsets[i] as MergeableRowSet).sizeBytes / targetBytes)
    const bytes = sizes.reduce((sum, size) => sum + size, 0) * targetBytes
    const union = Math.max(...chosen.map((i) => to[i] as number)) - Math.min(...chosen.map((i) => from[i] as number))
    const heightRemoved = chosen.reduce((sum, i) => sum + (to[i] as number) - (from[i] as number), 0) - union
    const small = sizes.reduce((sum, size) => sum + Math.max(0, 1 - size), 0) - 1
    const score = heightRemoved + unit * (small / 4 - bytes / targetBytes / 16)
    if (heightRemoved > -1e-12 && score > 0) tried.push({ bytes, heightRemoved, score })
  }
  return tried
}

function* cases(o: { runs: number; fullShare?: number }): Generator<{ rowsets: MergeableRowSet[]; budgetBytes: number; run: number }> {
  const random = new SeededRandom(seed)
  for (let run = 0; run < o.runs; run++) {
    const rowsets = randomRowSets(random, {
      count: 2 + random.below(9),
      sizeBytesMax: targetBytes,
      widthMax: [0.1, 0.4, 1][random.below(3)] as number,
      fullShare: o.fullShare ?? random.next(),
    })
    const totalBytes = rowsets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    for (let part = 1; part <= 6; part++) yield { rowsets, budgetBytes: (totalBytes * part) / 6, run }
  }
}

test('of rowsets of full size no set removes more height, within a budget and the price of rewriting', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  for (const { rowsets, budgetBytes, run } of cases({ runs: 40, fullShare: 1 })) {
    const { heightRemoved, score } = policy.choose({ rowsets, budgetBytes, targetBytes })
    const best = allSets(rowsets).filter(({ bytes }) => bytes <= budgetBytes)
    const scoreMax = Math.max(0, ...best.map((each) => each.score))
    const unit = 1 / rowsets.length
    // A gain of one in 256 is not looked for.
    t.true(score >= scoreMax * (255 / 256) - 1e-9 && score <= scoreMax + 1e-9, `run ${run}: ${score} of ${scoreMax}`)
    const heightMax = Math.max(0, ...best.map((each) => each.heightRemoved))
    t.true(heightRemoved >= (heightMax * 255) / 256 - unit * (1 / 4 + rowsets.length / 16), `run ${run}: ${heightRemoved} of ${heightMax}`)
  }
})

test('within little less than the budget no set removes as much height and is worth much more', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  let [exact, all] = [0, 0]
  for (const { rowsets, budgetBytes, run } of cases({ runs: 80 })) {
    const choice = policy.choose({ rowsets, budgetBytes, targetBytes })
    const sets = allSets(rowsets)
    const itself = sets.filter((each) => Math.abs(each.bytes - choice.bytes) < 1 && Math.abs(each.score - choice.score) < 1e-9)
    t.true(choice.rowsets.length === 0 || itself.length > 0, `run ${run}: the score is not that of any such set`)
    const rivals = sets.filter(
      // Budgets are searched in 32 steps for each doubling.
      (each) => each.bytes <= budgetBytes * 2 ** (-1 / 32) && each.heightRemoved >= choice.heightRemoved - 1e-11,
    )
    const scoreMax = Math.max(0, ...rivals.map((each) => each.score))
    t.true(choice.score >= scoreMax * 0.9 - 1e-9, `run ${run}: ${choice.score} of ${scoreMax}`)
    if (choice.score >= scoreMax * (255 / 256) - 1e-9) exact++
    all++
  }
  t.log(`${exact} of ${all} are the best there is, but for one part in 256`)
  t.true(exact >= all * 0.98, `${exact} of ${all}`)
})

test('nothing is chosen only where there is nothing worth choosing', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  let empty = 0
  for (const { rowsets, budgetBytes, run } of cases({ runs: 60 })) {
    const { rowsets: chosen } = policy.choose({ rowsets, budgetBytes, targetBytes })
    if (chosen.length > 0) continue
    empty++
    const worth = allSets(rowsets).filter(({ bytes, score }) => bytes <= budgetBytes * 2 ** (-1 / 32) && score > 1e-9)
    t.deepEqual(worth, [], `run ${run}`)
  }
  t.true(empty > 10, `${empty} empty choices`)
})
