import { formatByteSize, type MergingChoice, type MergingCompactionPolicy, type MergingRequest } from '../../../src/plugin.ts'
import { BudgetLadder } from './budget-ladder.ts'
import type { Candidate } from './candidate.ts'
import { type MergeProblem, mergeProblem } from './merge-problem.ts'

const inputsMaxDefault = 128

/**
 * Chooses by a knapsack over windows of the key space: the rowsets whose widths, less the width of their union, are worth
 * most within the budget, small ones counting a little more. `docs/decisions/0015-merging-policy.md` says how and why.
 * 6,800 rowsets and 1 GiB of budget take about 20 ms.
 */
export class WindowKnapsackPolicy implements MergingCompactionPolicy {
  readonly name = 'window-knapsack'

  /** Throws a TypeError if `targetBytes` is not above 0, or `inputsMax` is less than 2. */
  choose(request: MergingRequest): MergingChoice {
    const { budgetBytes, targetBytes, inputsMax = inputsMaxDefault } = request
    if (!(targetBytes > 0)) throw new TypeError(`targetBytes is ${targetBytes}; give the size of the rowsets that a merge writes.`)
    if (!(inputsMax >= 2)) throw new TypeError(`inputsMax is ${inputsMax}; a merge takes two rowsets at least.`)
    const problem = mergeProblem(request)
    const ladder = new BudgetLadder({ problem, itemsMax: Math.min(inputsMax, problem.count) })
    const chosen = ladder.climb(budgetBytes)
    return chosen === undefined ? nothing(request, problem) : choiceOf(request, problem, chosen)
  }
}

function choiceOf({ budgetBytes }: MergingRequest, problem: MergeProblem, candidate: Candidate): MergingChoice {
  const { bytes, heightRemoved, rowsetsRemoved, score } = candidate
  const { averageHeight } = problem
  return {
    rowsets: Array.from(candidate.items, (k) => problem.rowset[k] as number).sort((a, b) => a - b),
    bytes,
    averageHeight,
    heightRemoved,
    heightRemovedPerMiB: heightRemoved / (bytes / 2 ** 20),
    rowsetsRemoved,
    score,
    reason:
      `${candidate.items.length} rowsets of ${formatByteSize(bytes)} within ${formatByteSize(budgetBytes)}: average height ` +
      `${averageHeight.toFixed(2)} falls by ${heightRemoved.toPrecision(3)}, the number of rowsets by ${rowsetsRemoved}`,
  }
}

function nothing({ rowsets, budgetBytes }: MergingRequest, { averageHeight }: MergeProblem): MergingChoice {
  return {
    rowsets: [],
    bytes: 0,
    averageHeight,
    heightRemoved: 0,
    heightRemovedPerMiB: 0,
    rowsetsRemoved: 0,
    score: 0,
    reason:
      `of ${rowsets.length} rowsets none within ${formatByteSize(budgetBytes)} are worth merging: average height ` +
      `${averageHeight.toFixed(2)} would fall too little, and so would their number`,
  }
}
