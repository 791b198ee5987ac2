import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'

/** Rows in each group of an SSTable but the last: one block a column, and one batch of a scan. */
export const defaultRowsPerGroup = 8192

/** The id under which the hidden column of insert timestamps is stored (user columns begin at 1). */
export const timestampColumnId = 0

/** What the writer takes at a time: one row group, in key order, and after the one before. */
export interface RowGroup {
  /** In the order of the schema's columns. */
  readonly rows: RowBlock
  readonly keys: KeyBlock
  /** `hashKeys(keys)`: goes into the bloom filter. */
  readonly hashes: Uint32Array
  /** The commit timestamp at which each row was inserted. */
  readonly timestamps: Float64Array
}

/** What is known of a finished SSTable; plain data. */
export interface SSTableSummary {
  readonly rows: number
  readonly sizeBytes: number
  /** Encoded keys. */
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
  readonly minTimestamp: number
  readonly maxTimestamp: number
}

/** Smallest and largest value of a column in a run of rows, NaN and null left out; and how many nulls there are. */
export interface ZoneMap {
  /**
   * Numbers for numeric kinds and bool (0, 1); for int64 beyond ±2^53 a bigint; strings and binary: the value's bytes
   * (UTF-8), possibly a bound cut short (min: a prefix; max: a prefix with its last byte raised). Undefined: no value
   * that is neither null nor NaN, or not known.
   */
  readonly min: number | bigint | Uint8Array | undefined
  readonly max: number | bigint | Uint8Array | undefined
  readonly nullCount: number
  /** Whether NaN occurs (float and double). */
  readonly hasNaN: boolean
  /** False when min and max say nothing (then undefined does not mean "only nulls"). */
  readonly known: boolean
}
