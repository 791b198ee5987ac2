import type { ColumnKind } from './column-vector.ts'
import type { AnyColumn, Column } from './columns.ts'

/** Columns of a table by name; their order is the order of a row's properties. */
export type Columns = { readonly [name: string]: AnyColumn }

/** How rows are spread over tablets. */
export type Partitioning<K extends string = string> = HashPartitioning<K> | RangePartitioning<K>

export interface HashPartitioning<K extends string = string> {
  readonly scheme: 'hash'
  readonly columns: readonly K[]
  readonly count: number
}

export interface RangePartitioning<K extends string = string> {
  readonly scheme: 'range'
  readonly columns: readonly K[]
  readonly bounds: readonly unknown[]
}

/** Hints for maintenance. Defaults: priority 0 (−5 to 5, higher comes first), compaction true. */
export interface TableMaintenance {
  readonly priority?: number
  readonly compaction?: boolean
}

/** A table as the application defines it (by `defineTable`): its name, columns and key, in types too. */
export interface TableDefinition<N extends string = string, C extends Columns = Columns, K extends readonly string[] = readonly string[]> {
  readonly name: N
  readonly columns: C
  /** Names of the key's columns, in key order. */
  readonly primaryKey: K
  readonly partitionBy: Partitioning | undefined
  readonly maintenance: TableMaintenance | undefined
  /** How long history is kept for reads as of a time; default: the database's `history.retentionMs`. */
  readonly retentionMs: number | undefined
}

/** Makes a type show its properties instead of the operations it came from. */
export type Flat<T> = { [K in keyof T]: T[K] } & {}

type Out<C> = C extends Column<ColumnKind, infer V, infer N, boolean> ? (N extends true ? V | null : V) : never
type In<C> = C extends Column<infer K, unknown, boolean, boolean> ? (K extends 'timestamp' ? Out<C> | Date : Out<C>) : never
type Omittable<C> = C extends Column<ColumnKind, unknown, infer N, infer D> ? (true extends N | D ? true : false) : never
type Name<C> = keyof C & string

/** The names of the columns that may be part of a primary key: not null, no float, no double. */
export type Keyable<C extends Columns> = {
  [K in Name<C>]: C[K] extends Column<infer T, unknown, infer N, boolean>
    ? N extends true
      ? never
      : T extends 'float' | 'double'
        ? never
        : K
    : never
}[Name<C>]

/**
 * `Known`, or of a table that is known by name alone (`T` is `any`), anything: its columns are not known to the compiler.
 */
// biome-ignore lint/suspicious/noExplicitAny: what stands for any column must fit every predicate and key.
type OfTable<T, Known> = 0 extends 1 & T ? any : Known

/** A row as it is read. */
export type Row<T> = OfTable<
  T,
  T extends TableDefinition<string, infer C, readonly string[]> ? Flat<{ -readonly [K in Name<C>]: Out<C[K]> }> : never
>

/** A row as it is inserted: columns with a default, and nullable ones, may be left out; a timestamp may be a `Date`. */
export type InsertRow<T> =
  T extends TableDefinition<string, infer C, readonly string[]>
    ? Flat<
        { [K in Name<C> as Omittable<C[K]> extends true ? never : K]: In<C[K]> } & {
          [K in Name<C> as Omittable<C[K]> extends true ? K : never]?: In<C[K]> | undefined
        }
      >
    : never

/** A row as it is upserted: the same as inserted. */
export type UpsertRow<T> = InsertRow<T>

/** A key as an object, for any number of columns. */
export type KeyObject<T> = T extends TableDefinition<string, infer C, infer K> ? Flat<{ [P in K[number] & Name<C>]: In<C[P]> }> : never

/** A key: an object, or for a one-column key the bare value too. */
export type Key<T> = OfTable<
  T,
  T extends TableDefinition<string, infer C, infer K>
    ? K extends readonly [infer P extends string]
      ? In<C[P]> | { [Q in P]: In<C[Q]> }
      : KeyObject<T>
    : never
>

type Prefixes<C extends Columns, K extends readonly string[], Leading = unknown> = K extends readonly [
  infer H extends string,
  ...infer R extends readonly string[],
]
  ? Flat<Leading & { [P in H]: In<C[P]> } & { [P in R[number]]?: never }> | Prefixes<C, R, Leading & { [P in H]: In<C[P]> }>
  : never

/** A key, or any leading part of it. */
export type KeyPrefix<T> = OfTable<
  T,
  T extends TableDefinition<string, infer C, infer K>
    ? K extends readonly [infer P extends string]
      ? In<C[P]> | { [Q in P]: In<C[Q]> }
      : Prefixes<C, K>
    : never
>

/** A change to a row: its key, and the columns to change. */
export type UpdateRow<T> =
  T extends TableDefinition<string, infer C, infer K>
    ? Flat<KeyObject<T> & { [P in Exclude<Name<C>, K[number]>]?: In<C[P]> | undefined }>
    : never
