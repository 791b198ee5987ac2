import type { EventBus } from '../events/event-map.ts'
import type { JobIds } from '../events/job-ids.ts'
import type { FileMeta, VersionEdit } from '../manifest/version-edit.ts'
import type { RowSetFiles } from '../manifest/version-parts.ts'
import type { ChunkPool } from '../rowset/chunk-pool.ts'
import type { DeltaFile } from '../rowset/delta-file.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { Codec } from '../sstable/codec.ts'
import type { VfsHandle } from '../vfs/vfs.ts'
import type { RowCache } from './row-cache.ts'

/** The files of one rowset. */
export type RowSetMetas = Pick<RowSetFiles, 'base' | 'undo' | 'redo'>

/** The part of an edit that a tablet knows; the engine adds time, numbers and ids. */
export type TabletEdit = Pick<VersionEdit, 'reason' | 'addedFiles' | 'removedFiles' | 'tablets'>

/** What a tablet needs of the engine around it: files, the log, the manifest. Implemented by the engine, or by a test. */
export interface TabletHost {
  readonly chunks: ChunkPool
  readonly rowCache: RowCache | undefined
  readonly events: EventBus
  /** Codecs beside the built-in ones. */
  readonly codecs: readonly Codec[]
  /** The last op that was applied: the cut of a store that is frozen now. */
  readonly lastAppliedOp: number
  /** False while a large batch is being applied over several turns: a store frozen then would hold half of it. */
  readonly mayFreeze: boolean
  readonly monotonicMs: number
  /** Numbers what has a beginning and an end, and no run of an op of its own. */
  readonly jobIds: JobIds
  nextFileNumber(): number
  sstablePath(fileNumber: number): string
  deltaPath(fileNumber: number): string
  vfsHandle(): VfsHandle
  /** Opens the rowset of some files (their footers and filters are read only when needed). */
  openRowSet(files: RowSetMetas, schema: TableSchema): DiskRowSet
  /** As `openRowSet`, a delta file alone; the caller holds the first reference. */
  openDeltas(meta: FileMeta, schema: TableSchema): DeltaFile
  /** Every read of a table from now on is at this timestamp or later: neither an open snapshot nor retention asks for more. */
  historyNeededFrom(schema: TableSchema): number
  syncDirectory(): Promise<void>
  syncLogThrough(opId: number): Promise<void>
  /** Resolves when the edit is durable. */
  commitEdit(edit: TabletEdit): Promise<void>
  /**
   * Bytes of full log segments that the tablet's oldest op keeps. Others may keep them too: they go once each of these
   * has been flushed, the one with the oldest op, which keeps most, first.
   */
  logBytesRetainedBy(tablet: { readonly oldestOpId: number | undefined }): number
  /** Runs what moves rows from one rowset to another when no write is between its look-up and its application. */
  whileUnmoved<R>(move: () => R): Promise<R>
  /** A store was replaced by files, or a file by others: log segments and files may have become obsolete. */
  installed(): void
  /** Removes what a failed job may have left. Never rejects. */
  discardFiles(paths: readonly string[]): Promise<void>
  /** What the manifest says could not be done in memory: no more writes; reads go on. */
  stopWrites(error: Error): void
  /** Memory held by stores changed. */
  memoryChanged(): void
}
