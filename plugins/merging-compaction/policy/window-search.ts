/**
 * The search for one budget, over *windows*: a left end and a right end of items; in a window any filling of the knapsack
 * with items inside it is a choice. Steps: (1) bound what each left end can be worth, by a price on bytes; (2) take left
 * ends with the greatest bound first, until no bound is above what has been found; (3) move the right end outwards item by
 * item, keeping the densest items; every leading part of them is a choice; (4) where a bound says that an exact filling may
 * be worth more, look for one. Work is counted in steps, never timed, so that the same question has the same answer.
 */
import { type Candidate, candidateOf, rounding } from './candidate.ts'
import { DensestItems } from './densest-items.ts'
import { type MergeProblem, subProblem } from './merge-problem.ts'
import type { PriceBounds } from './price-bounds.ts'

export interface WindowSearchOptions {
  /** Only items that fit into the budget. */
  readonly problem: MergeProblem
  readonly budgetBytes: number
  readonly itemsMax: number
  /** What no filling of the budget is worth more than, wherever its items lie. */
  readonly valueMax: number
  /** Only choices that remove at least this much height, and have a greater score, are of interest. */
  readonly heightAtLeast: number
  readonly scoreAbove: number
  /** Choices of more bytes than this are told apart by size, for budgets that lie between two that are searched. */
  readonly smallBytes: number
  /** After so many steps the search ends with what it has. */
  readonly stepsMax: number
}

/** Into so many classes. */
const sizeClasses = 16

/** A gain by less than this share is not looked for: where many items fit, such gains are everywhere, and finding all takes long. */
const gainMin = 1 / 256

/** Trying an item in a filling takes as long as so many steps of adding one to a window. */
const stepsOfTry = 8

/** Left ends that are tried before items are sorted out by what has been found. */
const firstWindows = 4

export class WindowSearch {
  readonly #o: WindowSearchOptions
  readonly #found: (Candidate | undefined)[] = new Array(sizeClasses).fill(undefined)
  /** By size class: the best score of it and all smaller ones. */
  readonly #bestScores: Float64Array
  #steps = 0

  constructor(o: WindowSearchOptions) {
    this.#o = o
    this.#bestScores = new Float64Array(sizeClasses).fill(o.scoreAbove)
  }

  /** The work done so far. */
  get steps(): number {
    return this.#steps
  }

  /** The best choices of each size, ascending by bytes. `bounds`: what choices by their left end can be worth at most. */
  run(bounds: PriceBounds): Candidate[] {
    const { problem, stepsMax } = this.#o
    const densest = this.#densestOf(problem)
    for (const k of greatestOf(bounds.bounds, firstWindows)) this.#widen(problem, k, densest)
    const kept = this.#stillUseful(bounds)
    const rest = subProblem(problem, kept)
    const restBounds = new Float64Array(kept.length)
    for (let place = 0; place < kept.length; place++) restBounds[place] = bounds.bounds[kept[place] as number] as number
    const densestOfRest = this.#densestOf(rest)
    for (const k of this.#leftEnds(restBounds)) {
      if ((restBounds[k] as number) <= this.#worthwhile || this.#steps > stepsMax) break
      this.#widen(rest, k, densestOfRest)
    }
    return this.#found.filter((candidate) => candidate !== undefined).sort((a, b) => a.bytes - b.bytes)
  }

  get #bestScore(): number {
    return this.#bestScores[sizeClasses - 1] as number
  }

  /** What a score must be above to be worth looking for. */
  get #worthwhile(): number {
    return this.#bestScore * (1 + gainMin) + rounding
  }

  #densestOf(problem: MergeProblem): DensestItems {
    return new DensestItems(problem, { budgetBytes: this.#o.budgetBytes, itemsMax: this.#o.itemsMax })
  }

  /** Items that are worth their price, or lack less of it than the greatest bound is above what has been found. */
  #stillUseful({ price, greatest }: PriceBounds): Int32Array {
    const { count, value, weight } = this.#o.problem
    const lackMax = greatest - this.#bestScore
    const kept = new Int32Array(count)
    let length = 0
    for (let k = 0; k < count; k++) if (price * (weight[k] as number) - (value[k] as number) < lackMax) kept[length++] = k
    return kept.subarray(0, length)
  }

  /** Items whose bound is above what has been found, the most promising first. */
  #leftEnds(bounds: Float64Array): Int32Array {
    const hopeful = new Int32Array(bounds.length)
    let length = 0
    for (let k = 0; k < bounds.length; k++) if ((bounds[k] as number) > this.#bestScore) hopeful[length++] = k
    return hopeful.subarray(0, length).sort((a, b) => (bounds[b] as number) - (bounds[a] as number) || a - b)
  }

  /** All windows that begin where item `first` does. Hot: plain loops over typed arrays. */
  #widen(problem: MergeProblem, first: number, densest: DensestItems): void {
    const { count, left, right, charge } = problem
    const { valueMax, stepsMax } = this.#o
    const start = left[first] as number
    densest.clear()
    for (let k = firstAtOrAbove(right, start); k < count; k++) {
      this.#steps++
      if ((left[k] as number) < start) continue
      const cost = (right[k] as number) - start + charge
      if (valueMax - cost <= this.#worthwhile || this.#steps > stepsMax) return
      const place = densest.add(k)
      if (place === -1) continue
      this.#steps += densest.count - place
      if (place < densest.fitting) this.#weighParts(problem, densest, { place, cost })
      if (densest.valueMaxWith(k) - cost > this.#worthwhile) this.#weighFilling(problem, densest, { k, cost })
    }
  }

  #weighFilling(problem: MergeProblem, densest: DensestItems, { k, cost }: { k: number; cost: number }): void {
    const filling = densest.fillingWith(k, this.#worthwhile + cost)
    this.#steps += stepsOfTry * densest.tries
    if (filling !== undefined) this.#offer(problem, filling)
  }

  /** Leading parts of the densest items that have changed. */
  #weighParts(problem: MergeProblem, densest: DensestItems, { place, cost }: { place: number; cost: number }): void {
    for (let at = Math.max(1, place); at < densest.fitting; at++) {
      const score = (densest.values[at] as number) - cost
      if (score > (this.#bestScores[this.#sizeClass(densest.weights[at] as number)] as number) + rounding)
        this.#offer(problem, densest.items.subarray(0, at + 1))
    }
  }

  #offer(problem: MergeProblem, indexes: Int32Array): void {
    const candidate = candidateOf(problem, indexes)
    const sizeClass = this.#sizeClass(candidate.bytes)
    if (candidate.score <= (this.#bestScores[sizeClass] as number) || candidate.heightRemoved < this.#o.heightAtLeast) return
    if (candidate.heightRemoved === 0 && candidate.rowsetsRemoved <= 0) return
    this.#found[sizeClass] = candidate
    for (let c = sizeClass; c < sizeClasses; c++) {
      if ((this.#bestScores[c] as number) < candidate.score) this.#bestScores[c] = candidate.score
    }
  }

  #sizeClass(bytes: number): number {
    const { smallBytes, budgetBytes } = this.#o
    const share = (bytes - smallBytes) / (budgetBytes - smallBytes)
    return Math.max(0, Math.min(sizeClasses - 1, Math.floor(share * sizeClasses)))
  }
}

/** Indexes of the greatest numbers, the greatest first. */
function greatestOf(numbers: Float64Array, count: number): number[] {
  const found: number[] = []
  for (let k = 0; k < numbers.length; k++) {
    const number = numbers[k] as number
    if (found.length === count && number <= (numbers[found[count - 1] as number] as number)) continue
    const place = found.findIndex((other) => (numbers[other] as number) < number)
    found.splice(place === -1 ? found.length : place, 0, k)
    if (found.length > count) found.pop()
  }
  return found
}

function firstAtOrAbove(ascending: Float64Array, value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
