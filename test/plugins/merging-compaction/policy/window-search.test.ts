import test from 'ava'
import { mergeProblem, within } from '../../../../plugins/merging-compaction/policy/merge-problem.ts'
import { PriceBoundTree } from '../../../../plugins/merging-compaction/policy/price-bounds.ts'
import { WindowSearch } from '../../../../plugins/merging-compaction/policy/window-search.ts'
import { SeededRandom } from '../../../../src/base/seeded-random.ts'
import { randomRowSets } from '../../../support/random-rowsets.ts'

const MiB = 2 ** 20
const seed = Number(process.env['VARVE_SEED'] ?? 1)

test('a search ends soon after the steps that it is given', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  for (const widthMax of [0.001, 1]) {
    const rowsets = randomRowSets(random, { count: 3000, sizeBytesMax: MiB, widthMax, fullShare: 0 })
    const whole = mergeProblem({ rowsets, budgetBytes: 128 * MiB, targetBytes: 32 * MiB })
    const limits = { budgetBytes: 128 * MiB, itemsMax: 128 }
    const problem = within(whole, limits)
    const bounds = new PriceBoundTree(problem).bounds(0, limits.budgetBytes)
    for (const stepsMax of [0, 10_000, 100_000]) {
      const o = { problem, ...limits, valueMax: 1000, heightAtLeast: 0, scoreAbove: 0, smallBytes: 0, stepsMax }
      const search = new WindowSearch(o)
      const found = search.run(bounds)
      t.true(search.steps > stepsMax, 'so hard a search does not end before')
      // The item that is being added is still weighed: a window's length, and an exact filling.
      t.true(search.steps < stepsMax + 5000, `${search.steps} steps`)
      t.true(stepsMax === 0 || found.length > 0)
    }
  }
})

test('no choice with a left end is worth more than the bound at any price says', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  for (let run = 0; run < 30; run++) {
    const rowsets = randomRowSets(random, { count: 2 + random.below(9), sizeBytesMax: 32 * MiB, widthMax: 1 })
    const budgetBytes = 64 * MiB
    const problem = mergeProblem({ rowsets, budgetBytes, targetBytes: 32 * MiB })
    const { count, left, right, size, value, density, charge } = problem
    const tree = new PriceBoundTree(problem)
    for (const price of [0, (density[0] ?? 0) / 2, density[0] ?? 0, (density[0] ?? 0) * 2]) {
      const { bounds, greatest } = tree.bounds(price, budgetBytes)
      for (let set = 1; set < 2 ** count; set++) {
        const items = Array.from({ length: count }, (_, k) => k).filter((k) => (set >> k) & 1)
        const sum = (of: Float64Array) => items.reduce((total, k) => total + (of[k] as number), 0)
        if (sum(size) > budgetBytes) continue
        const start = Math.min(...items.map((k) => left[k] as number))
        const score = sum(value) - (Math.max(...items.map((k) => right[k] as number)) - start) - charge
        const bound = Math.max(...items.filter((k) => left[k] === start).map((k) => bounds[k] as number))
        if (score > bound + 1e-9 || score > greatest + 1e-9) t.fail(`run ${run}, price ${price}: ${score} above ${bound}`)
      }
    }
  }
  t.pass()
})
