import type { MergeProblem } from './merge-problem.ts'

/** A set of items: by index in the whole problem, ascending. */
export interface Candidate {
  readonly items: Int32Array
  readonly bytes: number
  readonly score: number
  /** Sum of widths less the width of the union. */
  readonly heightRemoved: number
  /** By how much the number of rowsets falls, if outputs but the last are of the target size. */
  readonly rowsetsRemoved: number
}

/** Sums in another order may differ by less than this. Heights are whole multiples of it, so that equal ones compare as equal. */
export const rounding = 2 ** -40

/** Sums up in the order of items, so that the same set always has the same figures. */
export function candidateOf(problem: MergeProblem, indexes: Int32Array): Candidate {
  const sorted = indexes.slice().sort()
  let [bytes, remaining, values, widths] = [0, 0, 0, 0]
  for (const k of sorted) {
    bytes += problem.size[k] as number
    remaining += problem.remaining[k] as number
    values += problem.value[k] as number
    widths += (problem.right[k] as number) - (problem.left[k] as number)
  }
  const { start, end } = spanOf(problem, sorted)
  const union = end - start
  return {
    items: sorted.map((k) => problem.item[k] as number),
    bytes,
    score: values - union - problem.charge,
    heightRemoved: Math.round((widths - union) / rounding) * rounding,
    rowsetsRemoved: sorted.length - Math.ceil(remaining / problem.targetBytes),
  }
}

/**
 * A candidate with the bytes that it leaves of the budget spent on items inside its range, the densest first. They widen
 * nothing, so neither its score nor the height that it removes falls.
 */
export function filledUp(
  whole: MergeProblem,
  candidate: Candidate,
  o: { budgetBytes: number; itemsMax: number; densestFirst: Int32Array },
): Candidate {
  const { left, right, size } = whole
  const { start, end } = spanOf(whole, candidate.items)
  const taken = new Set(candidate.items)
  let free = o.budgetBytes - candidate.bytes
  for (const k of o.densestFirst) {
    if (taken.size >= o.itemsMax) break
    if ((size[k] as number) > free || (left[k] as number) < start || (right[k] as number) > end || taken.has(k)) continue
    taken.add(k)
    free -= size[k] as number
  }
  return taken.size === candidate.items.length ? candidate : candidateOf(whole, Int32Array.from(taken))
}

function spanOf({ left, right }: MergeProblem, items: Int32Array): { start: number; end: number } {
  let [start, end] = [1, 0]
  for (const k of items) {
    if ((left[k] as number) < start) start = left[k] as number
    if ((right[k] as number) > end) end = right[k] as number
  }
  return { start, end }
}
