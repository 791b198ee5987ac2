import { dataDistribution, type MergeableRowSet, type MergingRequest } from '../../../src/plugin.ts'

/**
 * What one rowset that is much smaller than the target costs readers, and what rewriting `targetBytes` costs, both in
 * *units*: the width that a rowset of the target size has in a tablet without overlap. In units, not in height, because
 * then the choice in one place does not depend on how large the rest of the tablet is.
 */
const smallnessUnits = 1 / 4
const rewriteUnits = 1 / 16

/**
 * The choice as a knapsack: take items so that their values, less the width from the leftmost to the rightmost end of
 * all, less `charge`, are as large as can be. Arrays hold one entry for each item, by ascending right end.
 *
 * An item's value is its width, `smallness × (1 − bytes ÷ target)` if it is small, less the price of rewriting it. The
 * charge is the smallness of the one output that may come out small; with it a score is never more than what the merge
 * takes from height + smallness × number of rowsets, so merge after merge makes that sum fall, and they come to an end.
 */
export interface MergeProblem {
  readonly count: number
  readonly left: Float64Array
  readonly right: Float64Array
  readonly size: Float64Array
  /** What the item takes of the budget: its bytes, or more (`within`). */
  readonly weight: Float64Array
  readonly value: Float64Array
  /** Value by weight. */
  readonly density: Float64Array
  /** Bytes that are expected to remain of the item once it is merged. */
  readonly remaining: Float64Array
  /** Index of the item's rowset in the request. */
  readonly rowset: Int32Array
  /** Index of the item in the whole problem, where this is part of one. */
  readonly item: Int32Array
  /** All items, those that begin last first. */
  readonly byLeft: Int32Array
  readonly charge: number
  readonly targetBytes: number
  readonly averageHeight: number
}

/** Items are the rowsets that may be chosen and are worth anything: taking one of no value never makes a choice better. */
export function mergeProblem({ rowsets, targetBytes }: MergingRequest): MergeProblem {
  const { from, to, averageHeight } = dataDistribution(rowsets)
  let totalBytes = 0
  for (const { sizeBytes } of rowsets) totalBytes += sizeBytes
  const unit = totalBytes > 0 ? Math.min(1, targetBytes / totalBytes) : 0
  const values = new Float64Array(rowsets.length)
  const order = new Int32Array(rowsets.length)
  let count = 0
  for (let i = 0; i < rowsets.length; i++) {
    const rowset = rowsets[i] as MergeableRowSet
    const smallness = smallnessUnits * Math.max(0, 1 - remainingBytes(rowset) / targetBytes)
    values[i] = (to[i] as number) - (from[i] as number) + unit * (smallness - (rewriteUnits * rowset.sizeBytes) / targetBytes)
    if (rowset.available && (values[i] as number) > 0) order[count++] = i
  }
  const items = order.subarray(0, count).sort((a, b) => (to[a] as number) - (to[b] as number) || a - b)
  const problem = emptyProblem(count, { charge: smallnessUnits * unit, targetBytes, averageHeight })
  for (let k = 0; k < count; k++) {
    const i = items[k] as number
    const rowset = rowsets[i] as MergeableRowSet
    // A rowset of no bytes would be infinitely dense.
    const size = Math.max(1, rowset.sizeBytes)
    problem.left[k] = from[i] as number
    problem.right[k] = to[i] as number
    problem.size[k] = size
    problem.weight[k] = size
    problem.value[k] = values[i] as number
    problem.density[k] = (values[i] as number) / size
    problem.remaining[k] = remainingBytes(rowset)
    problem.rowset[k] = i
    problem.item[k] = k
    problem.byLeft[k] = k
  }
  const { left, byLeft } = problem
  byLeft.sort((a, b) => (left[b] as number) - (left[a] as number) || a - b)
  return problem
}

/** The items at `kept`, ascending, as a problem of their own. */
export function subProblem(problem: MergeProblem, kept: Int32Array): MergeProblem {
  if (kept.length === problem.count) return problem
  const part = emptyProblem(kept.length, problem)
  const places = new Int32Array(problem.count).fill(-1)
  for (let place = 0; place < kept.length; place++) {
    const k = kept[place] as number
    places[k] = place
    part.left[place] = problem.left[k] as number
    part.right[place] = problem.right[k] as number
    part.size[place] = problem.size[k] as number
    part.weight[place] = problem.weight[k] as number
    part.value[place] = problem.value[k] as number
    part.density[place] = problem.density[k] as number
    part.remaining[place] = problem.remaining[k] as number
    part.rowset[place] = problem.rowset[k] as number
    part.item[place] = problem.item[k] as number
  }
  let next = 0
  for (let at = 0; at < problem.count; at++) {
    const place = places[problem.byLeft[at] as number] as number
    if (place !== -1) part.byLeft[next++] = place
  }
  return part
}

/**
 * The items that fit into a budget at all. Where there are more of them than a merge may take in, each weighs at least its
 * share of the budget: then whatever fits keeps to the number, and wide rowsets are not left out for many tiny ones.
 */
export function within(problem: MergeProblem, { budgetBytes, itemsMax }: { budgetBytes: number; itemsMax: number }): MergeProblem {
  const { count, size } = problem
  const kept = new Int32Array(count)
  let length = 0
  for (let k = 0; k < count; k++) if ((size[k] as number) <= budgetBytes) kept[length++] = k
  const part = subProblem(problem, kept.subarray(0, length))
  if (length <= itemsMax) return part
  const least = budgetBytes / itemsMax
  const weight = new Float64Array(length)
  const density = new Float64Array(length)
  for (let k = 0; k < length; k++) {
    const bytes = part.size[k] as number
    weight[k] = bytes > least ? bytes : least
    density[k] = (part.value[k] as number) / (weight[k] as number)
  }
  return { ...part, weight, density }
}

function emptyProblem(count: number, o: Pick<MergeProblem, 'charge' | 'targetBytes' | 'averageHeight'>): MergeProblem {
  return {
    count,
    left: new Float64Array(count),
    right: new Float64Array(count),
    size: new Float64Array(count),
    weight: new Float64Array(count),
    value: new Float64Array(count),
    density: new Float64Array(count),
    remaining: new Float64Array(count),
    rowset: new Int32Array(count),
    item: new Int32Array(count),
    byLeft: new Int32Array(count),
    charge: o.charge,
    targetBytes: o.targetBytes,
    averageHeight: o.averageHeight,
  }
}

function remainingBytes({ sizeBytes, rowCount, deadRowCount }: MergeableRowSet): number {
  return rowCount > 0 ? sizeBytes * Math.max(0, 1 - deadRowCount / rowCount) : sizeBytes
}
