/** What a call takes beside its data. */

/** When a write's promise resolves: `sync`: on the disk; `write`: with the operating system; `interval`: as `write`, and on the disk at most `wal.syncIntervalMs` later. */
export type Durability = 'sync' | 'write' | 'interval'

export interface WriteOptions {
  /** Default: the database's. */
  readonly durability?: Durability
  /** Cancels the write while it waits its turn: ABORTED, and nothing is applied. */
  readonly signal?: AbortSignal
}

export interface ReadOptions {
  /** Read as of a snapshot of this database; default: the newest committed state. SNAPSHOT_CLOSED if it was closed. */
  readonly snapshot?: Snapshot
  /** Read as of a time: everything committed up to and including this millisecond. Not together with `snapshot`. */
  readonly asOf?: Date | number
  /** Cancels the read: ABORTED. */
  readonly signal?: AbortSignal
}

/** A point in time that reads can be made at, for as long as it is not closed. */
export interface Snapshot extends Disposable {
  /** The hybrid timestamp (milliseconds × 2048 + counter) up to which commits are seen. */
  readonly timestamp: number
  /** Idempotent. */
  close(): void
}
