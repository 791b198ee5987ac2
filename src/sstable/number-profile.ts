import { scratchDistinct, scratchSlots } from './scratch.ts'

/** What the encoder looks at before it chooses: one pass over a block's values as doubles. */
export interface NumberProfile {
  /** Without NaN; `min > max` if there is nothing else. */
  readonly min: number
  readonly max: number
  readonly nanCount: number
  /** Stretches of equal values; each NaN is one of its own. */
  readonly runs: number
  /** Least and greatest difference of neighbours. */
  readonly minDelta: number
  readonly maxDelta: number
}

/** Profiles `values[0 .. count)`, count ≥ 1. */
export function profileNumbers(values: Float64Array, count: number): NumberProfile {
  let previous = values[0] as number
  let min = Infinity
  let max = -Infinity
  let nanCount = 0
  let runs = 1
  let minDelta = Infinity
  let maxDelta = -Infinity
  if (previous === previous) {
    min = previous
    max = previous
  } else {
    nanCount = 1
  }
  for (let i = 1; i < count; i++) {
    const value = values[i] as number
    if (value !== previous) runs++
    if (value < min) min = value
    if (value > max) max = value
    if (value !== value) nanCount++
    const delta = value - previous
    if (delta < minDelta) minDelta = delta
    if (delta > maxDelta) maxDelta = delta
    previous = value
  }
  return { min, max, nanCount, runs, minDelta, maxDelta }
}

/** Gives null rows the value of a neighbour, so that they widen no range and end no run. */
export function bridgeNulls(values: Float64Array, nulls: Uint8Array, count: number): void {
  let first = 0
  while (first < count && nulls[first] === 1) first++
  let current = first < count ? (values[first] as number) : 0
  for (let i = 0; i < count; i++) {
    if (nulls[i] === 1) values[i] = current
    else current = values[i] as number
  }
}

/**
 * A set with codes for at most `limit` distinct doubles, compared bit by bit, found by open addressing. It lies in scratch memory: the next
 * one that is made takes its place.
 */
export class DistinctDoubles {
  readonly #limit: number
  readonly #mask: number
  readonly #slots: Int32Array
  readonly #values: Float64Array
  readonly #bits = new Float64Array(1)
  readonly #halves = new Int32Array(this.#bits.buffer)
  #count = 0

  constructor(limit: number) {
    this.#limit = limit
    const slots = 1 << (33 - Math.clz32(Math.max(limit, 8)))
    this.#mask = slots - 1
    this.#slots = scratchSlots(slots)
    this.#values = scratchDistinct(limit)
  }

  get count(): number {
    return this.#count
  }

  /** In order of first appearance. */
  values(): Float64Array {
    return this.#values.subarray(0, this.#count)
  }

  /** The value's code; −1 if it would be one too many. */
  codeOf(value: number): number {
    this.#bits[0] = value
    const low = this.#halves[0] as number
    const high = this.#halves[1] as number
    let at = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1)
    at ^= at >>> 15
    for (at &= this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = this.#slots[at] as number
      if (slot === 0) break
      if (Object.is(this.#values[slot - 1], value)) return slot - 1
    }
    if (this.#count === this.#limit) return -1
    this.#values[this.#count++] = value
    this.#slots[at] = this.#count
    return this.#count - 1
  }
}
