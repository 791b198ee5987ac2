/**
 * Upper bounds by a price on weight (Lagrange): if each byte of it costs `price`, no budget is needed, the best choice takes
 * every item inside its range that is worth more than it costs, and its profit + price × budget bounds all choices within
 * the budget. Found for every left end at once: (1) walk left ends from right to left; (2) enter each item's profit at its
 * right end in a tree that keeps the best sum up to some right end, less that end; (3) the tree's root is the answer.
 */
import type { MergeProblem } from './merge-problem.ts'

export interface PriceBounds {
  readonly price: number
  /** By item: an upper bound on the score of any choice within the budget whose leftmost item it is. */
  readonly bounds: Float64Array
  readonly greatest: number
}

export class PriceBoundTree {
  readonly #problem: MergeProblem
  /** By node of a binary tree in an array: the sum of profits below it, and the best of (sum up to a right end − that end). */
  readonly #sums: Float64Array
  readonly #best: Float64Array
  /** By item: its place among those that are worth the price, which the tree's leaves are. */
  readonly #places: Int32Array

  constructor(problem: MergeProblem) {
    this.#problem = problem
    const { count } = problem
    this.#sums = new Float64Array(2 * leavesFor(count))
    this.#best = new Float64Array(2 * leavesFor(count))
    this.#places = new Int32Array(count)
  }

  /** The greatest bound at a price; `bounds`, if given, takes that of each item. */
  greatest(price: number, budgetBytes: number, bounds?: Float64Array): number {
    const { count, left, right, weight, value, charge, byLeft } = this.#problem
    const leaves = this.#clear(price)
    const best = this.#best
    const budgetPrice = price * budgetBytes - charge
    let greatest = Number.NEGATIVE_INFINITY
    for (let at = 0; at < count; at++) {
      const k = byLeft[at] as number
      const end = right[k] as number
      const profit = (value[k] as number) - price * (weight[k] as number)
      if (profit > 0) this.#enter(leaves + (this.#places[k] as number), profit, end)
      const reached = best[1] as number
      const bound = (reached > -end ? reached : -end) + (profit < 0 ? profit : 0) + (left[k] as number) + budgetPrice
      if (bounds !== undefined) bounds[k] = bound
      if (bound > greatest) greatest = bound
    }
    return greatest
  }

  bounds(price: number, budgetBytes: number): PriceBounds {
    const bounds = new Float64Array(this.#problem.count)
    return { price, bounds, greatest: this.greatest(price, budgetBytes, bounds) }
  }

  /** Makes room for the items that are worth the price; returns how many leaves there are. */
  #clear(price: number): number {
    const { count, weight, value } = this.#problem
    let worthy = 0
    for (let k = 0; k < count; k++) if ((value[k] as number) > price * (weight[k] as number)) this.#places[k] = worthy++
    const leaves = leavesFor(worthy)
    this.#sums.fill(0, 0, 2 * leaves)
    this.#best.fill(Number.NEGATIVE_INFINITY, 0, 2 * leaves)
    return leaves
  }

  /** Hot: once for each item that is worth its price. */
  #enter(leaf: number, profit: number, end: number): void {
    const sums = this.#sums
    const best = this.#best
    sums[leaf] = profit
    best[leaf] = profit - end
    for (let node = leaf >> 1; node > 0; node >>= 1) {
      const low = 2 * node
      const high = (sums[low] as number) + (best[low + 1] as number)
      sums[node] = (sums[low] as number) + (sums[low + 1] as number)
      best[node] = (best[low] as number) > high ? (best[low] as number) : high
    }
  }
}

function leavesFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)))
}
