/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `varve/plugin`: all that a plugin imports, ours and third parties' alike. First how a plugin is defined, then the
 * services it can provide or need, then the contribution points, then building blocks.
 */

export { type ByteSize, formatByteSize, parseByteSize } from './base/byte-size.ts'
// Services.
export { Clock, type Timer } from './base/clock.ts'
// Building blocks.
export { abortedError, asError, InvariantError, invariant, throwIfAborted, VarveError, type VarveErrorCode } from './base/errors.ts'
export { Random } from './base/random.ts'
export { type ContributionToken, contributionToken, type ServiceRef, type Token, token } from './base/token.ts'
// Contribution points.
export { Cleaner, CleanerDecorator } from './cleaner/cleaner.ts'
export { Lifecycle } from './engine/engine-lifecycle.ts'
export { type EngineOptions, engineOptions, type ReadObserver } from './engine/engine-options.ts'
export { EventBus, type EventMap, type EventName, type FileInfo, type Listener } from './events/event-map.ts'
export { byteSize } from './kernel/config.ts'
export {
  type ConfiguredPlugin,
  definePlugin,
  type PluginDeclaration,
  type PluginDefinition,
} from './kernel/define-plugin.ts'
export { all, optional } from './kernel/needs.ts'
export type { PluginModule, ProvideOptions } from './kernel/plugin-module.ts'
export { MaintenanceManager } from './maintenance/maintenance-manager.ts'
export type { MaintenanceOp, MaintenanceOpKind, MaintenanceOpStats, Registration } from './maintenance/maintenance-op.ts'
export type { MaintenanceManagerOptions } from './maintenance/maintenance-options.ts'
export type { MaintenanceExplanation, MaintenanceStatus } from './maintenance/maintenance-status.ts'
export { MemoryBudget, MemoryConsumer, type MemoryLevel } from './maintenance/memory-budget.ts'
export { type Candidate, type Choice, SchedulingPolicy, type SystemState } from './maintenance/scheduling-policy.ts'
export { type Job, type JobContext, type JobFunction, jobModule, WorkerPool } from './maintenance/worker-pool.ts'
export { chooseColumns } from './rowset/compaction/choose-columns.ts'
export { type CompactColumnsInput, type CompactColumnsOutput, compactColumns } from './rowset/compaction/compact-columns.ts'
export { type MergeDeltaFilesInput, type MergeDeltaFilesOutput, mergeDeltaFiles } from './rowset/compaction/merge-delta-files.ts'
export { type MergeRowSetsInput, type MergeRowSetsOutput, mergeRowSets } from './rowset/compaction/merge-rowsets.ts'
export type { DeltaFileSummary } from './rowset/delta-file-writer.ts'
export type { DiskRowSet } from './rowset/disk-rowset.ts'
export { type FlushDeltasInput, flushDeltas } from './rowset/flush-deltas.ts'
export { type FlushInput, type FlushOutput, flushRows } from './rowset/flush-rows.ts'
export type { KeyBlock } from './schema/column-vector.ts'
export { compareRanges, type KeyLayout, keyLayout } from './schema/key-encoding.ts'
export { type RowImage, rowImage, valueBytesOf } from './schema/row-image.ts'
export type { ColumnSchema, ColumnValue, TableSchema } from './schema/table-schema.ts'
export { BlockCache, type BlockCacheStats, type BlockRole, type CacheableBlock } from './sstable/block-cache.ts'
export { Codec, requireCodec } from './sstable/codec.ts'
export { FileHandles } from './sstable/file-handles.ts'
export { SSTableReader } from './sstable/sstable-reader.ts'
export { SSTableWriter } from './sstable/sstable-writer.ts'
export { type CompactionContext, type CompactionKind, Compactor } from './tablet/compactor.ts'
export { type DataDistribution, dataDistribution, type KeyExtent } from './tablet/data-distribution.ts'
export { compactableDeltas, countedDeadRows, majorDeltaCompaction, minorDeltaCompaction } from './tablet/delta-compaction.ts'
export { type FlushChangesOptions, flushDeltaMemStore } from './tablet/delta-flush.ts'
export { expiredUndo, forgetHistory } from './tablet/forget-history.ts'
export { flushDeltasJob, mergeRowSetsJob } from './tablet/jobs/index.ts'
export type { RowHolder as RowSet } from './tablet/locate-rows.ts'
export { type FlushOptions, flushMemRowSet } from './tablet/mem-rowset-flush.ts'
export { type MergingCompactionOptions, mergingCompaction } from './tablet/merging-compaction.ts'
export {
  type MergeableRowSet,
  type MergingChoice,
  MergingCompactionPolicy,
  type MergingRequest,
} from './tablet/merging-policy.ts'
export { type CachedRow, type CachedRows, RowCache, type RowCacheStats } from './tablet/row-cache.ts'
export type { RowSetClaim } from './tablet/rowset-claims.ts'
export type { FrozenChanges, FrozenStore, Tablet } from './tablet/tablet.ts'
export { TabletOp } from './tablet/tablet-op.ts'
export { MaintenanceOpFactory } from './tablet/tablet-op-factory.ts'
export {
  type AppendFile,
  type FileKind,
  type FileLock,
  type FileStat,
  joinPath,
  type ReadableFile,
  Vfs,
  type VfsHandle,
} from './vfs/vfs.ts'
export { localVfsHandle, openVfsHandle } from './vfs/vfs-handle.ts'
