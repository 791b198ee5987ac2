import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import type { ZoneMap } from '../sstable/sstable.ts'

export type { ZoneMap } from '../sstable/sstable.ts'

/** What a scan wants of a batch before it looks at it. */
export interface BatchNeeds {
  /** Positions in the schema. */
  readonly columns: readonly number[]
  readonly keys?: boolean
}

/**
 * A run of rows of one RowSet, as a scan meets it: columns are loaded when asked for, as late as possible. Valid until
 * the scan moves on.
 */
export interface BatchSource {
  /** Rows in the run, visible or not. */
  readonly rowCount: number
  /** What is known without reading: undefined if nothing is. Covers at least the visible rows. */
  zoneMap(column: number): ZoneMap | undefined
  /** Brings what is needed into memory: undefined if all of it is there already (the common case), else a promise. */
  prepare(needs: BatchNeeds): Promise<void> | undefined
  /** As `prepare`, blocking on misses. */
  prepareSync(needs: BatchNeeds): void
  /** Rows that the snapshot sees and that lie in the key range, ascending; undefined: all. Valid after the first `prepare`. */
  selection(): Int32Array | undefined
  /** A prepared column, `rowCount` long. */
  column(position: number): ColumnVector
  /** The prepared keys, `rowCount` long. */
  keys(): KeyBlock
  /** True when row order is key order. */
  readonly sorted: boolean
}

/** Encoded bounds of a scan: from `lower` (inclusive) up to `upper` (exclusive); undefined: open. */
export interface KeyRange {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
}
