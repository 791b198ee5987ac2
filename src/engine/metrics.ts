import type { BlockCacheStats } from '../sstable/block-cache.ts'
import type { RowCacheStats } from '../tablet/row-cache.ts'

/** One reading of everything the engine counts; since open, unless said otherwise. Sizes in bytes, times in milliseconds. */
export interface Metrics {
  readonly memory: {
    readonly limitBytes: number
    readonly usedBytes: number
    /** All but the caches. */
    readonly heldBytes: number
    readonly writeBufferBytes: number
    readonly level: string
  }
  readonly cache: BlockCacheStats & { readonly usedBytes: number; readonly capacityBytes: number }
  /** Absent if no plugin provides a row cache. */
  readonly rowCache?: RowCacheStats & { readonly usedBytes: number; readonly capacityBytes: number }
  readonly wal: {
    /** Log on disk now. */
    readonly retainedBytes: number
    readonly writtenBytes: number
    readonly syncCount: number
    readonly lastOpId: number
    readonly syncedOpId: number
  }
  readonly writes: { readonly batches: number; readonly rows: number; readonly stallCount: number; readonly stallMs: number }
  readonly flush: { readonly count: number; readonly failedCount: number; readonly rows: number; readonly bytesWritten: number }
  /** Their rows are not among those of `writes`. */
  readonly ingest: { readonly count: number; readonly rows: number; readonly bytesWritten: number }
  /** Those that failed or were cancelled are counted apart, and their bytes nowhere. */
  readonly compaction: { readonly count: number; readonly failedCount: number; readonly bytesRead: number; readonly bytesWritten: number }
  /** Those that the newest version needs; older ones may stay as long as somebody reads them. */
  readonly files: { readonly sstables: number; readonly sstableBytes: number; readonly deltas: number; readonly deltaBytes: number }
  readonly amplification: {
    /** Bytes written to log, data and delta files ÷ bytes that came in: written to the log, which every change passes once, or ingested. 1 before any. */
    readonly write: number
    /** Rowsets on disk that may hold a key, on average over the data, of the tablet where they are most; 1 where none overlap, 0 without any. */
    readonly readHeight: number
    /** Bytes of log, data and delta files ÷ bytes of the data files: what is there beside base data. 0 without any. */
    readonly space: number
  }
}

/** The state of a table now. */
export interface TableStats {
  /** Rows in memory and on disk. One that was deleted counts until a compaction has dropped it. */
  readonly rows: number
  /** Rows in memory, not yet in SSTables. */
  readonly memoryRows: number
  /** Changes of rows, wherever these are, that are in memory and not yet in files. */
  readonly memoryChanges: number
  readonly memoryBytes: number
  readonly diskRows: number
  /** All files: base data and deltas. */
  readonly diskBytes: number
  readonly tablets: readonly TabletStats[]
}

export interface TabletStats {
  readonly tablet: number
  readonly memoryRows: number
  readonly memoryChanges: number
  readonly memoryBytes: number
  /**
   * How many rowsets may hold a key, on average over the data on disk: 1 where none overlap, 0 if there are none. What the
   * merging policy lowers.
   */
  readonly height: number
  /** By first key. */
  readonly rowsets: readonly RowSetStats[]
}

export interface RowSetStats {
  readonly rowset: number
  /** The file of base data. */
  readonly fileNumber: number
  readonly path: string
  /** In the base data. */
  readonly rows: number
  readonly sizeBytes: number
  /** First and last key, in the form that `keyOf` gives, as JSON. */
  readonly minKey: string
  readonly maxKey: string
  readonly minKeyHex: string
  readonly maxKeyHex: string
  readonly deltas: RowSetDeltas
}

/** The changes of a rowset's rows that are not in its base data. */
export interface RowSetDeltas {
  /** What reads of the newest state apply to the base data. */
  readonly redo: DeltaFilesStats
  /** History: what reads of the past apply. */
  readonly undo: DeltaFilesStats
  /** Newer than all files, and not yet in one. */
  readonly memory: { readonly changes: number; readonly sizeBytes: number }
}

export interface DeltaFilesStats {
  readonly files: number
  readonly changes: number
  readonly sizeBytes: number
}
