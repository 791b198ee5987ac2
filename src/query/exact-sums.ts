/**
 * Exact sums of 64-bit integers, in doubles. Each block is looked over for its largest magnitude. While that, times the
 * rows added, stays within 2^53, values are added as they are; else a value is split into 32 low bits and the rest,
 * which are added apart. Before any running sum could pass 2^53, all are moved to BigInts: at most once in 2^21 rows.
 */
import type { FixedArray } from '../schema/column-vector.ts'
import type { Accumulator, GroupedBatch } from './accumulator.ts'
import { grownDoubles } from './grown-arrays.ts'
import { addByGroup } from './sum-kernels.ts'

const exactMax = 2 ** 53
const highUnit = 2 ** 32

export class ExactSums implements Accumulator {
  readonly #position: number
  #lows = new Float64Array(1)
  #highs = new Float64Array(1)
  /** No running sum of either kind is larger than this. */
  #lowBound = 0
  #highBound = 0
  readonly #moved: bigint[] = []
  #lowParts = new Float64Array(0)
  #highParts = new Float64Array(0)

  constructor(position: number) {
    this.#position = position
  }

  add(batch: GroupedBatch): void {
    const { values } = batch.column(this.#position) as { readonly values: FixedArray }
    this.#lows = grownDoubles(this.#lows, batch.groupCount)
    if (values instanceof Float64Array) {
      const bound = largestMagnitude(values) * batch.count
      if (bound <= exactMax) {
        if (this.#lowBound + bound > exactMax) this.#move()
        this.#lowBound += bound
        addByGroup(values, batch, this.#lows)
        return
      }
    }
    this.#addParts(values as Float64Array | BigInt64Array, batch)
  }

  sumOf(group: number): bigint {
    return (this.#moved[group] ?? 0n) + BigInt(this.#lows[group] ?? 0) + BigInt(this.#highs[group] ?? 0) * BigInt(highUnit)
  }

  #addParts(values: Float64Array | BigInt64Array, batch: GroupedBatch): void {
    this.#highs = grownDoubles(this.#highs, batch.groupCount)
    this.#lowParts = grownDoubles(this.#lowParts, values.length)
    this.#highParts = grownDoubles(this.#highParts, values.length)
    if (values instanceof Float64Array) splitDoubles(values, this.#lowParts, this.#highParts)
    else splitIntegers(values, this.#lowParts, this.#highParts)
    const lowBound = highUnit * batch.count
    const highBound = 2 ** 31 * batch.count
    if (this.#lowBound + lowBound > exactMax || this.#highBound + highBound > exactMax) this.#move()
    this.#lowBound += lowBound
    this.#highBound += highBound
    addByGroup(this.#lowParts, batch, this.#lows)
    addByGroup(this.#highParts, batch, this.#highs)
  }

  #move(): void {
    for (let group = 0; group < this.#lows.length; group++) {
      if (this.#lows[group] === 0 && (this.#highs[group] ?? 0) === 0) continue
      this.#moved[group] = this.sumOf(group)
      this.#lows[group] = 0
      if (group < this.#highs.length) this.#highs[group] = 0
    }
    this.#lowBound = 0
    this.#highBound = 0
  }
}

function largestMagnitude(values: Float64Array): number {
  let low = 0
  let high = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (value < low) low = value
    if (value > high) high = value
  }
  return Math.max(-low, high)
}

function splitDoubles(values: Float64Array, lows: Float64Array, highs: Float64Array): void {
  for (let i = 0; i < values.length; i++) {
    const high = Math.floor((values[i] as number) / highUnit)
    highs[i] = high
    lows[i] = (values[i] as number) - high * highUnit
  }
}

/** By halves of 32 bits: no BigInt is made. */
function splitIntegers(values: BigInt64Array, lows: Float64Array, highs: Float64Array): void {
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
  for (let i = 0; i < values.length; i++) {
    lows[i] = (halves[2 * i] as number) >>> 0
    highs[i] = halves[2 * i + 1] as number
  }
}
