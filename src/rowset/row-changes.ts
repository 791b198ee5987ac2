/**
 * What lies between deltas and whoever reads rows. A *delta source* (a DeltaMemStore, a delta file) answers which rows of a
 * run it changes; a `RowChanges` is what all sources of a rowset together say of one run of rows at one snapshot; the
 * rowset's batches are put together from base data and that.
 */
import type { ColumnVector, RowBlock } from '../schema/column-vector.ts'

/** Changes of a run of rows from one source, in ascending order of (row, time) or of time. Valid as long as the source is pinned. */
export interface DeltaRun {
  readonly count: number
  /** Row ids, commit timestamps and ops (`deltaOps`), `count` of each. */
  readonly rows: Int32Array
  readonly times: Float64Array
  readonly ops: Int8Array
  /** In the source's schema, `count` long: see `deltaSchema`. A column the source lacks shows null. */
  column(deltaPosition: number): ColumnVector
  /** Whether the source knows the column at all: one that was added to the table later it does not. */
  knows(deltaPosition: number): boolean
}

/** Some rows of a run of base rows that differ from it at a snapshot. */
export interface RowChanges {
  /** Rows of the run that are not there, ascending, counted from its beginning; undefined: none. */
  readonly dead: Int32Array | undefined
  /** The rows of the run that have another value in a column (a position of the base schema), and what; undefined: none. */
  patch(position: number): ColumnPatch | undefined
}

/** Values to put over a base column: row `rows[k]` of the run (ascending, distinct) takes the value at k of `values`. */
export interface ColumnPatch {
  readonly rows: Int32Array
  readonly values: ColumnVector
}

/** Changes on their way into a DeltaMemStore, one for each row: distinct row ids. */
export interface DeltaBlock {
  readonly op: 'update' | 'delete' | 'live'
  readonly timestamp: number
  readonly opId: number
  readonly rows: Int32Array
  /** As many rows: the columns at `positions` (of the base schema, ascending; key columns among them), in that order. */
  readonly values: RowBlock
  readonly positions: readonly number[]
}
