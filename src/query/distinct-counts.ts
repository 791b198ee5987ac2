import type { ColumnSchema } from '../schema/table-schema.ts'
import type { Accumulator, GroupedBatch } from './accumulator.ts'
import { grownDoubles, grownIntegers } from './grown-arrays.ts'
import { makeColumnIds } from './make-column-ids.ts'
import { PairIds } from './pair-ids.ts'

/** How many different values that are not null each group has: values are numbered, and pairs of group and value counted. */
export class DistinctCounts implements Accumulator {
  readonly #position: number
  readonly #values
  readonly #pairs = new PairIds()
  #ids = new Int32Array(0)
  #counts = new Float64Array(1)
  #counted = 0

  constructor(position: number, column: ColumnSchema) {
    this.#position = position
    this.#values = makeColumnIds(column, undefined)
  }

  add({ column, selection, count, ids, groupCount }: GroupedBatch): void {
    this.#ids = grownIntegers(this.#ids, count)
    this.#values.assign(column(this.#position), selection, count, this.#ids)
    if (ids === undefined) return
    this.#counts = grownDoubles(this.#counts, groupCount)
    this.#pairs.assign(ids, this.#ids, count, this.#ids, { firstCount: groupCount, secondCount: this.#values.count })
    for (; this.#counted < this.#pairs.count; this.#counted++) {
      if (this.#pairs.secondOf(this.#counted) === this.#values.nullId) continue
      const group = this.#pairs.firstOf(this.#counted)
      this.#counts[group] = (this.#counts[group] as number) + 1
    }
  }

  countOf(group: number): number {
    if (this.#pairs.count > 0) return this.#counts[group] ?? 0
    return this.#values.count - (this.#values.nullId < 0 ? 0 : 1)
  }
}
