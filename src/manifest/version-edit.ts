import type { TableSchema } from '../schema/table-schema.ts'
import type { LogPosition } from '../wal/log-position.ts'

/** What is known of the changes in a delta file before it is opened. */
export interface DeltaStatistics {
  /** The ids of the columns that changes set, key columns left out, and how many changes set each. */
  readonly updates: readonly (readonly [columnId: number, count: number])[]
  /** How many changes delete their row, and how many bring it to life. */
  readonly deletes: number
  readonly lives: number
  /** The least and the greatest row id. */
  readonly minRow: number
  readonly maxRow: number
}

/** A data file and its place. Keys are encoded, in hex. */
export interface FileMeta {
  readonly fileNumber: number
  /** `base`: the SSTable of a DiskRowSet; `redo`, `undo`: its delta files. */
  readonly role: 'base' | 'redo' | 'undo'
  readonly tableId: number
  /** The partition's ordinal within its table. */
  readonly tablet: number
  /** Rowset ids come from the file number sequence, and are never used twice. */
  readonly rowset: number
  readonly sizeBytes: number
  readonly rows: number
  readonly minKeyHex: string
  readonly maxKeyHex: string
  readonly minTimestamp: number
  readonly maxTimestamp: number
  /** Every logged change to its rows up to this op id is in the rowset's files (03, "Recovery"). */
  readonly flushedThroughOp: number
  /** Of delta files. */
  readonly deltas?: DeltaStatistics
}

/** Why an edit was made: replay and events tell steps apart by this, never by guessing. */
export type EditReason =
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'create-table' | 'alter-table' | 'drop-table'; readonly tableId: number }
  /** The last edit of a database that is closed in order: tells how far the log must reach. */
  | { readonly kind: 'close' }
  /** Generation `generation` of a tablet's MemRowSet, and every earlier one, is on disk; `cut` is the last op applied when it was frozen. */
  | {
      readonly kind: 'flush-mem-rowset'
      readonly tableId: number
      readonly tablet: number
      readonly generation: number
      readonly cut: number
    }
  /** What changes a rowset's rows had in memory is in a redo file; `cut` is the last op applied when they were frozen. */
  | {
      readonly kind: 'flush-delta-mem-store'
      readonly tableId: number
      readonly tablet: number
      readonly rowset: number
      readonly cut: number
    }

  /** Delta files of a rowset, all of one role, became one; or none, if nothing was left to write. */
  /** Undo files of which no reader needs anything any more were dropped. */
  | { readonly kind: 'garbage-collection'; readonly tableId: number; readonly tablet: number; readonly rowset: number }
  | { readonly kind: 'minor-delta-compaction'; readonly tableId: number; readonly tablet: number; readonly rowset: number }
  /** Columns (ids) of a rowset were written anew, with what its oldest redo files say of them. */
  | {
      readonly kind: 'major-delta-compaction'
      readonly tableId: number
      readonly tablet: number
      readonly rowset: number
      readonly columns: readonly number[]
    }
  /** Rowsets became others that hold their rows; `cut` is the last op applied when their changes were frozen. */
  | {
      readonly kind: 'merging-compaction'
      readonly tableId: number
      readonly tablet: number
      readonly rowsets: readonly number[]
      readonly outputs: readonly number[]
      readonly cut: number
    }
  /** SSTables that were written elsewhere came in, as op `opId` of its own, which the log does not have; committed at `timestamp`. */
  | { readonly kind: 'ingest'; readonly tableId: number; readonly opId: number; readonly timestamp: number }

/** Per tablet, what must outlive the files. */
export interface TabletState {
  readonly tableId: number
  readonly tablet: number
  /** The newest MemRowSet generation that is flushed (0: none), and its cut. */
  readonly flushedGeneration: number
  readonly flushedCut: number
  /** Reads before this timestamp are refused; only rises. */
  readonly historyHorizon: number
}

/**
 * One atomic step from a version to the next. Structural: whoever applies it needs to know nothing of its reason.
 * Order of application: drops, then tables, then removed files, then added ones, then tablets.
 */
export interface VersionEdit {
  readonly reason: EditReason
  /** Wall-clock milliseconds at which the edit was made. */
  readonly wallClockMs: number
  /** Above every file number handed out when the edit was made. */
  readonly nextFileNumber: number
  /** The last op id and the last commit timestamp that were in use. */
  readonly lastOpId: number
  readonly lastTimestamp: number
  readonly nextTableId: number
  /** The log was synced through this op when the edit was made: a log that ends before it has lost what was durable. Absent: 0. */
  readonly logSyncedThrough?: number
  /**
   * Where the log is needed from once this edit is durable. Segments are let go only by what the last durable edit says,
   * so that a log which begins later has lost some. Absent: nothing new is promised.
   */
  readonly logNeededFrom?: LogPosition
  /** Tables created or changed: the whole new schema. */
  readonly tables?: readonly TableSchema[]
  readonly droppedTables?: readonly number[]
  readonly removedFiles?: readonly number[]
  readonly addedFiles?: readonly FileMeta[]
  readonly tablets?: readonly TabletState[]
}
