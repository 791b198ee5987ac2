/**
 * What lies between deltas and whoever reads rows. A *delta source* (a DeltaMemStore, a delta file) answers which rows of a
 * run it changes; a `RowChanges` is what all sources of a rowset together say of one run of rows at one snapshot; the
 * rowset's batches are put together from base data and that.
 */
import type { ColumnVector, RowBlock } from '../schema/column-vector.ts'
import type { DeltaOp } from './delta-schema.ts'

/** Where changes of a rowset lie: its DeltaMemStores and delta files. Main thread only. */
export interface DeltaSource {
  /** How many changes it holds: grows in a live DeltaMemStore. */
  readonly changeCount: number
  /** The least and greatest commit timestamp of its changes; Infinity and −Infinity while there are none. */
  readonly minTime: number
  readonly maxTime: number
  /**
   * Whether some change sets the column at a position of the base schema, as far as is known without reading. So does a
   * reinsert with a column that the source does not know.
   */
  mayUpdate(position: number): boolean
  /** Whether some change is no mere update (a delete, a reinsert), as far as is known without reading. */
  readonly mayKill: boolean
  /**
   * How many changes of rows `[from .. to)` there are, of whatever time, if that is cheap to say: what a cached column was
   * made of; undefined: a run of these rows must be prepared first.
   */
  countIn(from: number, to: number): number | undefined
  /** Whether there may be a change of a row, as far as memory tells at little cost: asked by every read of a single row. */
  mayChange(row: number): boolean
  /** The changes of rows `[from .. to)`: a view of what is there now, for one reader. */
  open(from: number, to: number): DeltaRun
  /** Keeps memory or file for one more user; `release` lets go. */
  retain(): void
  release(): void
}

/** A source that lies in memory whole: its runs need not be prepared, and single rows are looked up without one. */
export interface MemDeltaSource extends DeltaSource {
  /** As `open`, of single rows: distinct ids in any order, each looked up by itself; their changes come in the order of the ids. */
  openRows(rows: Int32Array): DeltaRun
  /** The newest change of a row, by number; −1: none. */
  latestOf(row: number): number
  /** The change of the same row before a change; −1: none. */
  previousOf(change: number): number
  timeOf(change: number): number
  opOf(change: number): DeltaOp
  isSetAt(change: number, position: number): boolean
  /** Puts, for each of the positions of the base schema, a vector that holds the change's value, and its index there. */
  vectorsAt(change: number, positions: readonly number[], vectors: ColumnVector[], indexes: number[]): void
}

/** Changes of a run of rows from one source; those of one row in order of time. Valid as long as the source is retained. */
export interface DeltaRun {
  /** Brings `rows`, `times`, `ops` and the columns at the given positions (of the base schema) into memory: undefined if all of it is there. */
  prepare(positions: readonly number[]): Promise<void> | undefined
  /** As `prepare`, blocking. */
  prepareSync(positions: readonly number[]): void
  /** As `prepare` with what is in memory, starting no load: whether that is all. What point reads ask before they note a miss. */
  prepareCached(positions: readonly number[]): boolean
  /** Valid after the first `prepare`, like all that follows. */
  readonly count: number
  /** Row ids, commit timestamps and ops (`deltaOps`), `count` of each. */
  readonly rows: Int32Array
  readonly times: Float64Array
  readonly ops: Int8Array
  /** A prepared column of the base schema, `count` long; null where it is not set, or set to null. */
  column(position: number): ColumnVector
  /** Whether change `index` sets the prepared column. */
  isSet(position: number, index: number): boolean
  /** The same of all changes: 1 for each that does not set the prepared column; undefined: all do. For loops over them. */
  unset(position: number): Uint8Array | undefined
  /** Whether the source knows the column at all: one that was added to the table later it does not. */
  knows(position: number): boolean
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
