import type { ColumnKind } from './column-vector.ts'

/** A value of a column, as a row shows it. */
export type ColumnValue = boolean | number | bigint | string | Uint8Array | null

/** A column as it is stored. The id stays for good; the name may change. */
export interface ColumnSchema {
  readonly id: number
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  /** For int64: what rows show. A `number` column rejects values outside ±2^53. */
  readonly mode: 'bigint' | 'number'
  /** Used when an insert leaves the column out; absent: no default. */
  readonly default?: ColumnValue
}

export type PartitionSchema =
  | { readonly scheme: 'none' }
  | { readonly scheme: 'hash'; readonly columns: readonly number[]; readonly count: number }
  /** Tablet 0 holds keys below bounds[0], tablet i those from bounds[i − 1]; bounds are encoded values of the columns, in hex, ascending. */
  | { readonly scheme: 'range'; readonly columns: readonly number[]; readonly boundsHex: readonly string[] }

/**
 * A table as the engine knows it: plain data, stored in the manifest, structured-cloneable. Positions (`keyColumns`,
 * `partition.columns`) index `columns`.
 */
export interface TableSchema {
  readonly tableId: number
  readonly name: string
  readonly columns: readonly ColumnSchema[]
  /** Positions of the primary key's columns, in key order. */
  readonly keyColumns: readonly number[]
  readonly partition: PartitionSchema
  readonly maintenance: { readonly priority: number; readonly compaction: boolean }
  readonly retentionMs?: number
  /** Rises with every change of the schema. */
  readonly version: number
  /** Ids are never used twice. */
  readonly nextColumnId: number
}
