/**
 * The public face of a database: what `open` returns, and what hangs on it. Types and words only; `VarveDatabase` and
 * `VarveTable` beside this file do what is said here.
 *
 * Misuse of an asynchronous call rejects (it never throws synchronously), with a `TypeError`; a value that does not fit
 * its column is data, not misuse, and rejects with INVALID_VALUE { table, column, rowIndex }. Every call on a closed
 * database rejects with DATABASE_CLOSED, and one that the file system fails with IO_ERROR or DISK_FULL.
 */
import type { ServiceRef } from '../base/token.ts'
import type { EventBus } from '../events/event-map.ts'
import type { MaintenanceExplanation, MaintenanceStatus } from '../maintenance/maintenance-status.ts'
import type { Aggregate, AggregateResult, Bucket, GroupKeys } from '../query/aggregate.ts'
import type { Predicate } from '../query/predicate.ts'
import type { ColumnKind, FixedArray } from '../schema/column-vector.ts'
import type { TableChange } from '../schema/table-change.ts'
import type { Flat, InsertRow, Key, KeyPrefix, Row, TableDefinition } from '../schema/table-definition.ts'
import type { ReadOptions, Snapshot, WriteOptions } from './call-options.ts'
import type { Metrics, TableStats } from './metrics.ts'
import type { BatchOptions, TableWrites, WriteBatch } from './write-api.ts'

export type { Durability, ReadOptions, Snapshot, WriteOptions } from './call-options.ts'

/** A table by its definition, by itself, or by name. */
export type TableRef = { readonly name: string } | string

export interface CreateTableOptions {
  /** Gives the stored table, if there is one. Default: false; true with `migrate: 'add-columns'`. */
  readonly ifNotExists?: boolean
  /** `add-columns`: columns of the definition that the stored table lacks are added to it: each must be nullable or have a default. Default: `none`. */
  readonly migrate?: 'none' | 'add-columns'
}

export interface ColumnInfo {
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly hasDefault: boolean
}

export interface TableInfo {
  readonly name: string
  readonly columns: readonly ColumnInfo[]
  readonly primaryKey: readonly string[]
  /** Number of tablets (partitions). */
  readonly tablets: number
}

/** A column of a batch. `values` holds something for null rows too: ask `isNull`. */
export interface BatchColumn {
  /** As rows show them: typed arrays for numeric kinds (int64 in bigint mode: BigInt64Array; timestamp: Float64Array; bool: Uint8Array), strings, byte arrays. */
  readonly values: FixedArray | readonly string[] | readonly Uint8Array[]
  isNull(row: number): boolean
  /** The value a row object would show. */
  get(row: number): boolean | number | bigint | string | Uint8Array | null
}

/** Some rows of a scan, as columns. Valid until the next batch is asked for. */
export interface ColumnBatch {
  /** Rows in the batch's columns, matching or not. */
  readonly rowCount: number
  /** The matching rows, ascending; absent: all of them. */
  readonly selection?: Int32Array
  /** TypeError if the column was not asked for. */
  column(name: string): BatchColumn
}

/**
 * A scan that pinned its snapshot when it was made and reads when it is iterated, once. Unordered unless asked. Ends,
 * `break` and `return` release what it holds; a scan that is never iterated holds nothing after the next garbage
 * collection, or at once if `return`ed.
 */
export interface Scan<R> extends AsyncIterable<R> {
  toArray(): Promise<R[]>
  first(): Promise<R | undefined>
  /** The same rows, by batches of columns: the fast way to read many. */
  batches(): AsyncIterable<ColumnBatch>
}

export interface ScanOptions<T, S> extends ReadOptions {
  /** Columns to read; default: all. */
  readonly columns?: S
  readonly where?: Predicate<Row<T>>
  /** Rows whose key begins with these leading key columns. */
  readonly prefix?: KeyPrefix<T>
  /** Bounds: keys, or leading parts of one. `gt` with `gte`, or `lt` with `lte`, is a TypeError. */
  readonly gte?: KeyPrefix<T>
  readonly gt?: KeyPrefix<T>
  readonly lte?: KeyPrefix<T>
  readonly lt?: KeyPrefix<T>
  /** `key`: in key order; default `any`, the order in which rows are stored. */
  readonly order?: 'key' | 'any'
  /** Descending key order; implies `order: 'key'`. */
  readonly reverse?: boolean
  /** At most so many rows. */
  readonly limit?: number
}

type ArrayOf<V> = V extends bigint
  ? BigInt64Array
  : V extends string
    ? readonly string[] | { readonly codes: Int32Array; readonly dictionary: readonly string[] }
    : V extends boolean
      ? Uint8Array | readonly boolean[]
      : V extends number
        ? Float64Array | Int32Array | Int16Array | Int8Array | Float32Array
        : readonly Uint8Array[]
/** A column as `insertColumns` takes it; `nulls[i] === 1` marks a null. */
export interface ColumnData<A> {
  readonly values: A
  readonly nulls?: Uint8Array
}
type Given<V> = ArrayOf<V> | ColumnData<ArrayOf<V>>
/** Columns of equal length; defaulted and nullable ones may be left out. */
export type ColumnsInput<T> = { readonly [K in keyof InsertRow<T>]: Given<NonNullable<K extends keyof Row<T> ? Row<T>[K] : never>> }

export type OrderBy<C extends string> = C | { readonly column: C; readonly direction?: 'ascending' | 'descending' }
type Selection<T> = { readonly [name: string]: Aggregate<Row<T>, string, string> }
type Grouping<T> = readonly (keyof Row<T> & string)[] | { readonly [name: string]: (keyof Row<T> & string) | Bucket<Row<T>> }
type Results<A, T> = { -readonly [K in keyof A]: AggregateResult<A[K], Row<T>> }
type Grouped<A, G, T> = Flat<GroupKeys<G, Row<T>> & Results<A, T>>

export interface Table<T extends TableDefinition = TableDefinition> extends TableWrites<T> {
  readonly name: string
  readonly definition: T
  /**
   * Inserts whole columns, many times faster than rows; resolves with the number of rows. They are applied in parts of
   * about 4 MiB (fifty thousand rows or so), in order, each part as a whole; a smaller call is one part. If a later
   * part is refused, those before it stay, and the error's context says how many rows they are (`insertedRows`). The
   * arrays must not change before the call resolves.
   */
  insertColumns(columns: ColumnsInput<T>, o?: WriteOptions): Promise<number>
  /** The row of a key. */
  get(key: Key<T>, o?: ReadOptions): Promise<Row<T> | undefined>
  get<const S extends readonly (keyof Row<T>)[]>(
    key: Key<T>,
    o: ReadOptions & { columns: S },
  ): Promise<Flat<Pick<Row<T>, S[number]>> | undefined>
  /** As `get`, at once; blocks the event loop while a block that is not in memory is read. */
  getSync(key: Key<T>, o?: ReadOptions): Row<T> | undefined
  getSync<const S extends readonly (keyof Row<T>)[]>(
    key: Key<T>,
    o: ReadOptions & { columns: S },
  ): Flat<Pick<Row<T>, S[number]>> | undefined
  /** The rows of many keys, in their order, all read at one snapshot. */
  getMany(keys: readonly Key<T>[], o?: ReadOptions): Promise<(Row<T> | undefined)[]>
  getMany<const S extends readonly (keyof Row<T>)[]>(
    keys: readonly Key<T>[],
    o: ReadOptions & { columns: S },
  ): Promise<(Flat<Pick<Row<T>, S[number]>> | undefined)[]>
  scan<const S extends readonly (keyof Row<T>)[] = readonly (keyof Row<T>)[]>(o?: ScanOptions<T, S>): Scan<Flat<Pick<Row<T>, S[number]>>>
  /** Aggregates over all matching rows: one object; of no rows: count 0, the others null. */
  aggregate<A extends Selection<T>>(
    o: ReadOptions & { select: A; where?: Predicate<Row<T>>; groupBy?: undefined },
  ): Promise<Flat<Results<A, T>>>
  /** Aggregates by group: an array, unordered unless `orderBy` (of group columns and results; nulls first) says so. */
  aggregate<A extends Selection<T>, const G extends Grouping<T>>(
    o: ReadOptions & {
      select: A
      where?: Predicate<Row<T>>
      groupBy: G
      orderBy?: OrderBy<keyof Grouped<A, G, T> & string> | readonly OrderBy<keyof Grouped<A, G, T> & string>[]
      limit?: number
    },
  ): Promise<Grouped<A, G, T>[]>
  /** The number of rows that match. */
  count(o?: ReadOptions & { where?: Predicate<Row<T>> }): Promise<number>
  /** The key of a row, in the form that `get` takes. */
  keyOf(row: Pick<Row<T>, T['primaryKey'][number] & keyof Row<T>>): Key<T>
  /**
   * Takes SSTables that were written elsewhere (`writeSSTable`) into the table: all of their rows at once, or none. The files are
   * checked and copied on a worker, and may be removed afterwards. Rejects with INGEST_REJECTED { table, path, problem } if one is
   * damaged, has other columns than the table, holds keys of several tablets, or a key that has a row, alive or dead, in the
   * table or in another of the files.
   */
  ingest(files: string | readonly string[], o?: { signal?: AbortSignal }): Promise<void>
  stats(): TableStats
}

/** Any table, when its definition does not matter: `Table<T>` is invariant in `T`, so a typed table is no `Table<TableDefinition>`. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` makes a type that every Table<T> is assignable to.
export type AnyTable = Table<any>

export interface CompactOptions {
  readonly kind?: 'full' | 'merging' | 'minor-delta' | 'major-delta'
  /** Cancels what has not been installed yet: ABORTED. */
  readonly signal?: AbortSignal
}

export interface Database extends AsyncDisposable {
  readonly directory: string
  /**
   * Creates a table. TABLE_EXISTS unless `ifNotExists`, which returns the stored one if its definition is the same;
   * SCHEMA_MISMATCH { added, removed, changed } if it differs, or, with `migrate: 'add-columns'`, if it differs in more than
   * lacking columns that can be added.
   */
  createTable<T extends TableDefinition>(definition: T, o?: CreateTableOptions): Promise<Table<T>>
  /**
   * Drops, renames and adds columns of a table, and renames it, all at once and without rewriting its rows: those that are there
   * show an added column's default, or null, in old snapshots too. `Table` objects go on with what the table has become. Reads and
   * scans that have begun go on as they began; writes wait for a moment; a batch that holds rows of the table must be begun anew.
   * Resolves when the change is durable. Rejects with SCHEMA_MISMATCH { table, column } (an unknown column, a name that is
   * taken, a column of the key to be dropped), TABLE_NOT_FOUND, TABLE_EXISTS, or what a flush fails with; then nothing has changed.
   */
  alterTable(table: string | TableInfo, change: TableChange): Promise<void>
  // Last, since the compiler tells of the last one that does not fit: a misspelt column is then what it names.
  alterTable<T extends TableDefinition>(table: T | Table<T>, change: TableChange<T>): Promise<void>
  /** The table of a definition (SCHEMA_MISMATCH if the stored one differs) or of a name; TABLE_NOT_FOUND. */
  table<T extends TableDefinition>(definition: T): Table<T>
  table(name: string): AnyTable
  /** Drops a table and its rows; its files go once no scan reads them. */
  dropTable(table: TableRef): Promise<void>
  tables(): TableInfo[]
  /** Pins the newest committed state. */
  snapshot(): Snapshot
  /** Collects writes to any tables, which are then applied together. With a snapshot, rows that it writes or expects must not have changed since. */
  batch(o?: BatchOptions): WriteBatch
  /** Writes what is in memory (of one table, or of all) to SSTables; resolves when they are installed. */
  flush(table?: TableRef): Promise<void>
  /**
   * Brings data files into the best shape there is, now, and resolves when it is done; of one table, or of all. `full` (the
   * default): flushes what is in memory, applies all changes to the rows, and merges rowsets until none overlap. `merging` does
   * so without the flush; `major-delta` applies the changes of columns within each rowset; `minor-delta` merges delta files.
   */
  compact(table?: TableRef, o?: CompactOptions): Promise<void>
  /** Makes everything acknowledged so far durable. */
  sync(): Promise<void>
  /**
   * Copies the database, as it is at one moment and with what is in memory only, to a directory that is empty or not there
   * yet: the copy opens as a database. Writes go on meanwhile. Data files are linked where the file system can, so that it
   * costs little time and room. To restore, close the database and put a copy of that directory in its place. Rejects with
   * DIRECTORY_NOT_EMPTY, READ_ONLY, ABORTED, DISK_FULL, IO_ERROR; then nothing is left there that opens as a database.
   */
  checkpoint(directory: string, o?: { signal?: AbortSignal }): Promise<void>
  metrics(): Metrics
  readonly maintenance: {
    status(): MaintenanceStatus
    explain(): MaintenanceExplanation
    pause(): void
    resume(): void
  }
  readonly events: EventBus
  /** A service of this database, by its token (or by a class that carries its token); SERVICE_NOT_FOUND. */
  service<T>(token: ServiceRef<T>): T
  /**
   * Closes: cancels and waits for maintenance (at most `timeoutMs`, default 10,000), syncs the log, releases the
   * directory. `flush: true` first writes all memory to SSTables. Idempotent; writes under way are finished, those
   * that wait are rejected with DATABASE_CLOSED.
   */
  close(o?: { flush?: boolean; timeoutMs?: number }): Promise<void>
}
