import type { FixedArray } from '../schema/column-vector.ts'
import type { Accumulator, GroupedBatch } from './accumulator.ts'
import { grownDoubles } from './grown-arrays.ts'
import { PlainNumbers } from './plain-numbers.ts'
import { addValues } from './sum-kernels.ts'

/** The sum of a column of each group, as doubles add up: NaN and infinities as IEEE 754 has it, whole numbers exact within ±2^53. */
export class DoubleSums implements Accumulator {
  readonly #position: number
  readonly #plain = new PlainNumbers()
  #sums = new Float64Array(1)

  constructor(position: number) {
    this.#position = position
  }

  add(batch: GroupedBatch): void {
    this.#sums = grownDoubles(this.#sums, batch.groupCount)
    const { values } = batch.column(this.#position) as { readonly values: Exclude<FixedArray, BigInt64Array> }
    addValues(this.#plain.doublesOf(values), batch, this.#sums)
  }

  sumOf(group: number): number {
    return this.#sums[group] ?? 0
  }
}
