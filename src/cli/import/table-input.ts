import type { ColumnKind } from '../../schema/column-vector.ts'
import type { KnownColumn } from '../table-choice.ts'

/** What a file can be. */
export type InputFormat = 'csv' | 'ndjson' | 'parquet'

/** A column of a file, typed as a new table should have it. */
export interface InputColumn {
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  /** For int64. */
  readonly mode: 'bigint' | 'number'
}

/** A column of the table, and what a row without a value gets: the default, null, or (undefined) an error. */
export interface TargetColumn extends KnownColumn {
  readonly fallback: boolean | number | bigint | string | Uint8Array | null | undefined
}

/** Rows ready for `insertColumns`. */
export interface InputBatch {
  /** Number of the first row in the file, counted from 1. */
  readonly firstRow: number
  readonly rowCount: number
  readonly columns: Readonly<Record<string, unknown>>
  /** The line that a row began on, by its index in the batch; undefined for formats without lines. */
  lineOf(index: number): number | undefined
}

export interface BatchOptions {
  /** Rows at the beginning of the file to leave out. */
  readonly skipRows: number
  readonly rowsMax: number
  /** About what a batch may take in memory; one row is always taken. */
  readonly bytesMax: number
}

/** How far a file has been read, in `unit`s. */
export type ProgressListener = (done: number) => void

/**
 * A file of rows to be imported. Reads it in parts of bounded size, once for each call of `describe` and `batches`.
 * InputError for what cannot be read; INVALID_VALUE for a value that does not fit, with row, line and column.
 */
export interface TableInput {
  readonly format: InputFormat
  /** What progress is counted in, and how much there is in all. */
  readonly unit: 'bytes' | 'rows'
  readonly total: number
  /** Columns as far as the head of the file tells: undefined where each row names its own (ndjson). */
  readonly names: readonly string[] | undefined
  /** The columns that the first row has, as far as the file is looked at before it is read. */
  readonly firstNames: readonly string[]
  /** The columns (those named, or all) with types for a new table; `sampleRows` bounds the rows looked at by formats that have no types. */
  describe(o: {
    columns?: readonly string[] | undefined
    sampleRows: number
    onProgress: ProgressListener
  }): Promise<readonly InputColumn[]>
  /** The rows, as columns of the table. Columns of the file that `columns` does not name are left out. */
  batches(columns: readonly TargetColumn[], o: BatchOptions & { onProgress: ProgressListener }): AsyncIterable<InputBatch>
  /** Values that lost something in the table's types, by column; told after the import. */
  readonly roundedToMs: ReadonlyMap<string, number>
}
