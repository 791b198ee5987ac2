import type { MergeProblem } from './merge-problem.ts'

/** Looking for an exact filling ends after this many tries: what is found by then is taken. */
const triesMax = 400

/** Items behind twice the budget are let go, but for so many: a filling seldom needs one that far behind. */
const keptAtLeast = 16

export interface FillingLimits {
  readonly budgetBytes: number
  /** How many items a filling may have. */
  readonly itemsMax: number
}

/**
 * The densest items of a growing window: worth most per byte first, as many as can matter for the budget. Sums over every
 * leading part are kept, because each leading part that fits is a filling of the knapsack, the best one of its bytes up to
 * the part of an item that a fraction would add.
 */
export class DensestItems {
  readonly #problem: MergeProblem
  readonly #limits: FillingLimits
  readonly items: Int32Array
  /** Sums over the first k + 1 items. */
  readonly weights: Float64Array
  readonly values: Float64Array
  /** How many items there are, and how many of them, from the front, fit into the budget. */
  count = 0
  fitting = 0
  #tries = 0
  #taken: Int32Array
  #filling: Int32Array | undefined
  #best = 0

  constructor(problem: MergeProblem, limits: FillingLimits) {
    this.#problem = problem
    this.#limits = limits
    const room = 2 * limits.itemsMax + 1
    this.items = new Int32Array(room)
    this.weights = new Float64Array(room)
    this.values = new Float64Array(room)
    this.#taken = new Int32Array(limits.itemsMax)
  }

  clear(): void {
    this.count = 0
    this.fitting = 0
  }

  /** Puts an item in its place and returns the place, or −1: it is too sparse to matter. Hot: a few steps for each item of each window. */
  add(k: number): number {
    const { density, weight, value } = this.#problem
    const { items, weights, values } = this
    const d = density[k] as number
    let place = this.count
    while (place > 0 && (density[items[place - 1] as number] as number) < d) place--
    if (place === items.length || (place >= keptAtLeast && (weights[place - 1] as number) > 2 * this.#limits.budgetBytes)) return -1
    if (this.count < items.length) this.count++
    for (let at = this.count - 1; at > place; at--) items[at] = items[at - 1] as number
    items[place] = k
    for (let at = place; at < this.count; at++) {
      const item = items[at] as number
      weights[at] = (at > 0 ? (weights[at - 1] as number) : 0) + (weight[item] as number)
      values[at] = (at > 0 ? (values[at - 1] as number) : 0) + (value[item] as number)
    }
    if (place < this.fitting) this.fitting = place
    this.#trim()
    return place
  }

  /** An upper bound on the value of any filling with item k in it: of the others, the last that does not fit is cut. */
  valueMaxWith(k: number): number {
    return this.#reachable(0, { weight: this.#problem.weight[k] as number, value: this.#problem.value[k] as number })
  }

  /** A filling with item k that is worth more than `value`, the best one unless looking for it takes too long; undefined: none was found. */
  fillingWith(k: number, value: number): Int32Array | undefined {
    this.#tries = 0
    this.#best = value
    this.#filling = undefined
    this.#taken[0] = k
    this.#fill({ from: 0, taken: 1, weight: this.#problem.weight[k] as number, value: this.#problem.value[k] as number })
    return this.#filling
  }

  get tries(): number {
    return this.#tries
  }

  /** Takes or leaves each item in turn, densest first; turns back where even a part of the next item could not win. */
  #fill(o: { from: number; taken: number; weight: number; value: number }): void {
    if (o.value > this.#best) {
      this.#best = o.value
      this.#filling = this.#taken.slice(0, o.taken)
    }
    if (o.taken === this.#limits.itemsMax) return
    const { value } = this.#problem
    for (let at = o.from; at < this.count; at++) {
      if (this.#tries >= triesMax || this.#reachable(at, o) <= this.#best) return
      const k = this.items[at] as number
      if (k === this.#taken[0]) continue
      const weight = o.weight + (this.#problem.weight[k] as number)
      if (weight > this.#limits.budgetBytes) continue
      this.#tries++
      this.#taken[o.taken] = k
      this.#fill({ from: at + 1, taken: o.taken + 1, weight, value: o.value + (value[k] as number) })
    }
  }

  /** The most that items from `at` on can bring a partial filling to, the last one being cut. */
  #reachable(at: number, o: { weight: number; value: number }): number {
    const before = at > 0 ? (this.weights[at - 1] as number) : 0
    const valueBefore = at > 0 ? (this.values[at - 1] as number) : 0
    const limit = before + this.#limits.budgetBytes - o.weight
    let low = at
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.weights[middle] as number) <= limit) low = middle + 1
      else high = middle
    }
    const whole = low > at ? (this.values[low - 1] as number) - valueBefore : 0
    if (low === this.count) return o.value + whole
    const free = limit - (low > 0 ? (this.weights[low - 1] as number) : 0)
    return o.value + whole + free * (this.#problem.density[this.items[low] as number] as number)
  }

  #trim(): void {
    const { budgetBytes, itemsMax } = this.#limits
    while (this.fitting < this.count && this.fitting < itemsMax && (this.weights[this.fitting] as number) <= budgetBytes) this.fitting++
    while (this.count > keptAtLeast && (this.weights[this.count - 2] as number) > 2 * budgetBytes) this.count--
  }
}
