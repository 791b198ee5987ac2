import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnValue } from '../schema/table-schema.ts'

/**
 * Numbers the different values of a column in the order in which they are met: 0, 1, 2, … Null has a number of its own;
 * NaN equals itself; −0 is 0. Only rows that are looked at give a value a number.
 */
export interface ColumnIds {
  /** How many values have been met, null among them. */
  readonly count: number
  /** The number of null; −1: not met yet. */
  readonly nullId: number
  /** Writes the numbers of `count` rows (those of the selection, or else the first ones) to `out`. */
  assign(vector: ColumnVector, selection: Int32Array | undefined, count: number, out: Int32Array): void
  /** The value of a number, as a row shows it. */
  valueAt(id: number): ColumnValue
}
