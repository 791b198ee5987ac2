import type { Accumulator, GroupedBatch } from './accumulator.ts'
import { grownDoubles } from './grown-arrays.ts'

/** How many rows of each group are null in a column. */
export class NullCounts implements Accumulator {
  readonly #position: number
  #counts = new Float64Array(1)

  constructor(position: number) {
    this.#position = position
  }

  add({ ids, count, selection, groupCount, column }: GroupedBatch): void {
    const { nulls } = column(this.#position)
    if (nulls === undefined) return
    this.#counts = grownDoubles(this.#counts, groupCount)
    const counts = this.#counts
    for (let k = 0; k < count; k++) {
      const id = ids === undefined ? 0 : (ids[k] as number)
      counts[id] = (counts[id] as number) + (nulls[selection === undefined ? k : (selection[k] as number)] as number)
    }
  }

  countOf(group: number): number {
    return this.#counts[group] ?? 0
  }
}
