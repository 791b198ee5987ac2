/**
 * The public face of writes that change rows: methods of a table, and batches. Misuse rejects, or in the synchronous calls
 * of a batch throws, with a `TypeError`.
 */
import type { Predicate } from '../query/predicate.ts'
import type { Flat, InsertRow, Key, Row, TableDefinition, UpdateRow, UpsertRow } from '../schema/table-definition.ts'
import type { ColumnValue } from '../schema/table-schema.ts'
import type { Snapshot, WriteOptions } from './call-options.ts'

export interface InsertOptions extends WriteOptions {
  /** What becomes of a row whose key has one already: `error` (the default): KEY_EXISTS, nothing of the call is applied; `skip`: it is left out. */
  readonly ifExists?: 'error' | 'skip'
}

/** Values that an `updateWhere` sets: any columns but those of the key. */
export type UpdateValues<T extends TableDefinition> = Flat<Omit<UpdateRow<T>, T['primaryKey'][number]>>

type Many<X> = X | readonly X[]

/**
 * The methods of a table that change rows, each call as a whole or not at all. Rows of one call that name the same key
 * apply in order. All reject with INVALID_VALUE { table, column, rowIndex }, BATCH_TOO_LARGE, DISK_FULL, WRITES_STOPPED,
 * READ_ONLY. A property that is `undefined` counts as left out.
 */
export interface TableWrites<T extends TableDefinition> {
  /** Inserts rows; resolves with the number of those inserted. KEY_EXISTS if a key has a row already or comes twice, unless `ifExists` is `skip`. */
  insert(rows: Many<InsertRow<T>>, o?: InsertOptions): Promise<number>
  /**
   * Changes rows that are there, inserts those that are not. Columns left out keep their value on a row that is there, and
   * take the default on a new one: INVALID_VALUE if a new row lacks one that has none.
   */
  upsert(rows: Many<UpsertRow<T>>, o?: WriteOptions): Promise<void>
  /** Sets columns of the rows with these keys; keys without a row are passed over. Resolves with the number of distinct rows changed. */
  update(changes: Many<UpdateRow<T>>, o?: WriteOptions): Promise<number>
  /** Deletes the rows of keys; keys without a row are passed over. Resolves with the number of distinct rows deleted. */
  delete(keys: Many<Key<T>>, o?: WriteOptions): Promise<number>
  /**
   * Sets columns of all rows that match, as the writes called before leave them; resolves with their number. Writes go on while the
   * rows are looked for; if one of these rows changes meanwhile, they are looked for once more, and writes wait for that.
   */
  updateWhere(where: Predicate<Row<T>>, changes: UpdateValues<T>, o?: WriteOptions): Promise<number>
  /** Deletes all rows that match, as `updateWhere` changes them; resolves with their number. */
  deleteWhere(where: Predicate<Row<T>>, o?: WriteOptions): Promise<number>
  /**
   * The rows that were changed after `from` and through `to`, each once and unordered: what is to be done to the rows as
   * they were then to have them as they are at `to`. A row that was written to is among them though it has the same values
   * again; one that came and went in between is not. Takes its moments when it is called, pins the table when it is iterated,
   * and reads on from there, whatever is written meanwhile; ends, `break` and `return` let go of what it holds. What is wrong
   * with the call shows when it is iterated: HISTORY_NOT_RETAINED if `from` lies before the history that is kept, ABORTED,
   * TypeError if `from` lies after `to`.
   */
  changes(o: ChangesOptions): AsyncIterable<Change<T>>
}

/** A moment: a time (in milliseconds: everything committed in it counts), a snapshot, or the change that was read last. */
export type Moment = Date | number | { readonly timestamp: number }

export interface ChangesOptions {
  readonly from: Moment
  /** Default: the newest committed state. */
  readonly to?: Moment
  /** Cancels the read: ABORTED. */
  readonly signal?: AbortSignal
}

/** What became of a row. */
export type Change<T extends TableDefinition> = {
  readonly key: Key<T>
  /** When it was last changed: a hybrid timestamp, as that of a snapshot. */
  readonly timestamp: number
} & (
  | {
      readonly op: 'insert' | 'update'
      /** The whole row. */
      readonly values: Row<T>
    }
  | { readonly op: 'delete'; readonly values?: undefined }
)

/** A table, as far as a batch needs to know it. */
export interface BatchTable<T extends TableDefinition> {
  readonly name: string
  readonly definition: T
}

export interface BatchOptions {
  /**
   * What the batch was decided upon: if a row that it writes or expects has changed since, `commit` rejects with WRITE_CONFLICT. Close
   * it once `commit` is called: before, that rejects with SNAPSHOT_CLOSED.
   */
  readonly snapshot?: Snapshot
}

/** How many operations of a batch took effect. */
export interface WriteCounts {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

/**
 * Writes to any tables of a database, applied together at `commit` or not at all. Rows are checked and copied when they
 * are given: INVALID_VALUE is thrown there, and leaves the batch as it was. Operations on one key apply in order. Every
 * call after `commit` is BATCH_FINISHED.
 */
export interface WriteBatch {
  /** `commit` rejects with KEY_EXISTS if a key has a row when its turn comes. */
  insert<T extends TableDefinition>(table: BatchTable<T>, rows: Many<InsertRow<T>>, o?: Pick<InsertOptions, 'ifExists'>): this
  upsert<T extends TableDefinition>(table: BatchTable<T>, rows: Many<UpsertRow<T>>): this
  update<T extends TableDefinition>(table: BatchTable<T>, changes: Many<UpdateRow<T>>): this
  delete<T extends TableDefinition>(table: BatchTable<T>, keys: Many<Key<T>>): this
  /** Rows that were read to decide on the batch, there or not: if one has changed since the snapshot, WRITE_CONFLICT. TypeError without a snapshot. */
  expect<T extends TableDefinition>(table: BatchTable<T>, keys: Many<Key<T>>): this
  /** Applies the batch. Rejects as the methods of a table do, and with WRITE_CONFLICT (its context is a `WriteConflict`). */
  commit(o?: WriteOptions): Promise<WriteCounts>
}

/** The context of a WRITE_CONFLICT: the first row found to have changed since the batch's snapshot. */
export interface WriteConflict {
  readonly table: string
  /** The key's columns by name. */
  readonly key: Readonly<Record<string, ColumnValue>>
  /** When the row was changed, and the batch's snapshot: hybrid timestamps. */
  readonly changedTimestamp: number
  readonly snapshotTimestamp: number
}
