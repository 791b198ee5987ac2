import type { KeyRange } from './batch-source.ts'

/** What a scan asks of any RowSet. */
export interface RowSetScan {
  /** Rows inserted after this commit timestamp are not seen. */
  readonly timestamp: number
  readonly range: KeyRange
  /** Batches in key order, each sorted. Default: in whatever order is cheapest. */
  readonly sorted?: boolean
  /** With `sorted`: batches from the highest key down. Rows within a batch still ascend; the scan walks them backwards. */
  readonly reverse?: boolean
  /** How many rows the scan is likely to take: the first batch is made no larger than it must be. */
  readonly limitHint?: number
}

/** As `RowSetScan`, for a store that still grows. */
export interface MemRowSetScan extends RowSetScan {
  /** Rows the store had when the snapshot was taken; later ones are not looked at. Default: all. */
  readonly rowCount?: number
}

export const rowsPerBatchMax = 8192
