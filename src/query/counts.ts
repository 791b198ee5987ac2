import type { Accumulator, GroupedBatch } from './accumulator.ts'
import { grownDoubles } from './grown-arrays.ts'

/** How many rows each group has. */
export class RowCounts implements Accumulator {
  counts = new Float64Array(1)

  add({ ids, count, groupCount }: GroupedBatch): void {
    this.counts = grownDoubles(this.counts, groupCount)
    const { counts } = this
    if (ids === undefined) {
      counts[0] = (counts[0] as number) + count
      return
    }
    for (let k = 0; k < count; k++) {
      const id = ids[k] as number
      counts[id] = (counts[id] as number) + 1
    }
  }

  countOf(group: number): number {
    return this.counts[group] ?? 0
  }
}

/** How many rows of each group are not null in a column: all, but for nulls, which few columns and blocks have. */
export class ValueCounts implements Accumulator {
  readonly #rows: RowCounts
  readonly #position: number
  #nulls = new Float64Array(1)

  constructor(rows: RowCounts, position: number) {
    this.#rows = rows
    this.#position = position
  }

  add({ ids, count, selection, groupCount, column }: GroupedBatch): void {
    const { nulls } = column(this.#position)
    if (nulls === undefined) return
    this.#nulls = grownDoubles(this.#nulls, groupCount)
    const found = this.#nulls
    for (let k = 0; k < count; k++) {
      const id = ids === undefined ? 0 : (ids[k] as number)
      found[id] = (found[id] as number) + (nulls[selection === undefined ? k : (selection[k] as number)] as number)
    }
  }

  countOf(group: number): number {
    return this.#rows.countOf(group) - (this.#nulls[group] ?? 0)
  }
}
