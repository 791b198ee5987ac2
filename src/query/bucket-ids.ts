import type { ColumnVector, FixedArray } from '../schema/column-vector.ts'
import type { ColumnValue } from '../schema/table-schema.ts'
import type { BucketRule, BucketSpan } from './bucket-rule.ts'
import type { ColumnIds } from './column-ids.ts'
import { hasNull } from './number-ids.ts'
import { NumberTable } from './number-table.ts'
import { PlainNumbers } from './plain-numbers.ts'

/** Spans kept at hand: for rows in no order of time. */
const slotCount = 1 << 12

/**
 * Numbers the buckets that values fall into. A row that lies in the span of the one before it costs two compares; else
 * the spans met lately are looked at, found by the row's place on a grid as wide as a bucket; the rule itself is asked
 * once for a span.
 */
export class BucketIds implements ColumnIds {
  readonly #rule: BucketRule
  readonly #table = new NumberTable()
  readonly #plain = new PlainNumbers()
  readonly #froms = new Float64Array(slotCount).fill(Number.NaN)
  readonly #tos = new Float64Array(slotCount).fill(Number.NaN)
  readonly #ids = new Int32Array(slotCount)
  #gridWidth = 0
  #nullId = -1

  constructor(rule: BucketRule) {
    this.#rule = rule
  }

  get count(): number {
    return this.#table.count
  }

  get nullId(): number {
    return this.#nullId
  }

  assign(vector: ColumnVector, selection: Int32Array | undefined, count: number, out: Int32Array): void {
    const { nulls } = vector
    const values = this.#plain.doublesOf((vector as { readonly values: Exclude<FixedArray, BigInt64Array> }).values)
    if (nulls !== undefined && this.#nullId < 0 && hasNull(nulls, selection, count)) this.#nullId = this.#table.addOther()
    let from = Number.NaN
    let to = Number.NaN
    let id = -1
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      if (nulls !== undefined && nulls[row] === 1) {
        out[k] = this.#nullId
        continue
      }
      const value = values[row] as number
      if (!(value >= from && value < to)) {
        const slot = this.#slotOf(value)
        id = this.#ids[slot] as number
        from = this.#froms[slot] as number
        to = this.#tos[slot] as number
      }
      out[k] = id
    }
  }

  valueAt(id: number): ColumnValue {
    return id === this.#nullId ? null : (this.#table.values[id] as number)
  }

  /** The slot that holds the value's span now. */
  #slotOf(value: number): number {
    const place = this.#gridWidth > 0 ? Math.floor(value / this.#gridWidth) : 0
    const slot = place & (slotCount - 1)
    if (value >= (this.#froms[slot] as number) && value < (this.#tos[slot] as number)) return slot
    const { start, from, to }: BucketSpan = value === value ? this.#rule.spanOf(value) : { start: value, from: value, to: value }
    // Half of a bucket, or less of a long one: so no cell of the grid holds parts of more than two.
    if (to - from > this.#gridWidth * 4) this.#gridWidth = (to - from) / 2
    this.#froms[slot] = from
    this.#tos[slot] = to
    this.#ids[slot] = this.#table.idOf(start)
    return slot
  }
}
