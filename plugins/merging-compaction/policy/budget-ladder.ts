/**
 * Climbs a ladder of budgets up to the one that is asked for. Rungs, and what is found on each, do not depend on the budget
 * asked for, and a choice replaces the one before it only if its score is higher and it removes no less height. For a
 * larger budget the same sequence is followed further; so neither ever falls as the budget grows, however well or badly a
 * rung was searched.
 */
import { type Candidate, filledUp } from './candidate.ts'
import { type MergeProblem, within } from './merge-problem.ts'
import { type PriceBounds, PriceBoundTree } from './price-bounds.ts'
import { WindowSearch } from './window-search.ts'

export interface BudgetLadderOptions {
  readonly problem: MergeProblem
  readonly itemsMax: number
}

/** Steps of the search on one rung: a few milliseconds. */
const stepsMax = 120_000

const stepsPerDoublingMax = 32

/** Factors by which prices are tried, coarse to fine. */
const priceRatios = [2, 1.2, 1.04]

export class BudgetLadder {
  readonly #problem: MergeProblem
  readonly #itemsMax: number
  readonly #densestFirst: Int32Array

  constructor({ problem, itemsMax }: BudgetLadderOptions) {
    this.#problem = problem
    this.#itemsMax = itemsMax
    const { count, density } = problem
    this.#densestFirst = Int32Array.from({ length: count }, (_, k) => k).sort(
      (a, b) => (density[b] as number) - (density[a] as number) || a - b,
    )
  }

  /** The best choice found within the budget; undefined: none is worth anything. */
  climb(budgetBytes: number): Candidate | undefined {
    let best: Candidate | undefined
    let below = 0
    for (const rung of rungsOf(this.#problem)) {
      for (const candidate of this.#search({ rung, below, best })) {
        if (candidate.bytes <= budgetBytes && isBetter(candidate, best)) best = candidate
      }
      if (rung >= budgetBytes) break
      below = rung
    }
    return best
  }

  #search({ rung, below, best }: { rung: number; below: number; best: Candidate | undefined }): Candidate[] {
    const problem = within(this.#problem, { budgetBytes: rung, itemsMax: this.#itemsMax })
    if (problem.count < 2) return []
    const tree = new PriceBoundTree(problem)
    // If bytes cost nothing and there is nothing better, no budget will find it.
    if (tree.greatest(0, rung) <= (best?.score ?? 0)) return []
    const { valueMax, price } = this.#densest(rung)
    const search = new WindowSearch({
      problem,
      budgetBytes: rung,
      itemsMax: this.#itemsMax,
      valueMax,
      heightAtLeast: best?.heightRemoved ?? 0,
      scoreAbove: best?.score ?? 0,
      smallBytes: below,
      stepsMax,
    })
    const found = search.run(bestBounds(tree, { rung, price }))
    if (found.length === 0) return []
    const top = found.reduce((a, b) => (b.score > a.score ? b : a))
    const filled = filledUp(this.#problem, top, { budgetBytes: rung, itemsMax: this.#itemsMax, densestFirst: this.#densestFirst })
    return [...found, filled].sort((a, b) => a.bytes - b.bytes)
  }

  /** What the densest items are worth that fit, a part of the last one included, and what a byte of that part is worth. */
  #densest(rung: number): { valueMax: number; price: number } {
    const { size, value, density } = this.#problem
    let [free, valueMax] = [rung, 0]
    for (const k of this.#densestFirst) {
      const bytes = size[k] as number
      if (bytes > rung) continue
      if (bytes >= free) return { valueMax: valueMax + ((value[k] as number) * free) / bytes, price: density[k] as number }
      free -= bytes
      valueMax += value[k] as number
    }
    return { valueMax, price: 0 }
  }
}

/**
 * Bounds at about the price where the greatest is least. It is a convex function of the price, so the search goes
 * downhill, from the price that would fill the budget if the union cost nothing.
 */
function bestBounds(tree: PriceBoundTree, { rung, price }: { rung: number; price: number }): PriceBounds {
  let lowest = { price, greatest: tree.greatest(price, rung) }
  for (const ratio of priceRatios) {
    for (const factor of [1 / ratio, ratio]) {
      const before = lowest
      for (;;) {
        const next = lowest.price * factor
        const greatest = tree.greatest(next, rung)
        if (greatest >= lowest.greatest) break
        lowest = { price: next, greatest }
      }
      // Where one way leads downhill, the other one led here.
      if (lowest !== before) break
    }
  }
  return tree.bounds(lowest.price, rung)
}

function isBetter(candidate: Candidate, best: Candidate | undefined): boolean {
  if (best === undefined) return candidate.score > 0 && candidate.heightRemoved >= 0
  return candidate.score > best.score && candidate.heightRemoved >= best.heightRemoved
}

/**
 * Powers of two of bytes, and even steps between them, as many as `searchesMax` allows: from where two items fit to where all do.
 */
function* rungsOf({ count, size }: MergeProblem): Generator<number> {
  if (count < 2) return
  const sizes = size.toSorted()
  const first = Math.log2((sizes[0] as number) + (sizes[1] as number))
  const last = Math.log2(size.reduce((sum, bytes) => sum + bytes, 0))
  const steps = Math.max(1, Math.min(stepsPerDoublingMax, Math.floor(searchesMax(count) / (last - first + 1))))
  for (let power = Math.ceil(first * steps); power < last * steps + 1; power++) yield Math.round(2 ** (power / steps))
}

/** How many budgets are searched: many while there are few items, and searching is quick. */
function searchesMax(count: number): number {
  return Math.max(16, 2048 / count)
}
