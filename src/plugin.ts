/**
 * `varve/plugin`: all that a plugin imports, ours and third parties' alike. First how a plugin is defined, then the
 * services it can provide or need, then the contribution points, then building blocks.
 */
export { byteSize } from './kernel/config.ts'
export { parseByteSize, formatByteSize, type ByteSize } from './base/byte-size.ts'
export {
  definePlugin,
  type ConfiguredPlugin,
  type PluginDeclaration,
  type PluginDefinition,
} from './kernel/define-plugin.ts'
export { all, optional } from './kernel/needs.ts'
export type { PluginModule, ProvideOptions } from './kernel/plugin-module.ts'
export { contributionToken, token, type ContributionToken, type Token } from './base/token.ts'

// Services.
export { Clock, type Timer } from './base/clock.ts'
export { Random } from './base/random.ts'
export {
  joinPath,
  Vfs,
  type AppendFile,
  type FileKind,
  type FileLock,
  type FileStat,
  type ReadableFile,
  type VfsHandle,
} from './vfs/vfs.ts'
export { openVfsHandle } from './vfs/vfs-handle.ts'
export { BlockCache, type BlockCacheStats, type BlockRole, type CacheableBlock } from './sstable/block-cache.ts'
export { Cleaner } from './cleaner/cleaner.ts'
export { EventBus, type EventMap, type EventName, type FileInfo, type Listener } from './events/event-map.ts'
export { MaintenanceManager } from './maintenance/maintenance-manager.ts'
export type { MaintenanceManagerOptions } from './maintenance/maintenance-options.ts'
export type { MaintenanceExplanation, MaintenanceStatus } from './maintenance/maintenance-status.ts'
export { MemoryBudget, type MemoryLevel } from './maintenance/memory-budget.ts'
export { SchedulingPolicy, type Candidate, type Choice, type SystemState } from './maintenance/scheduling-policy.ts'
export { jobModule, WorkerPool, type Job, type JobContext, type JobFunction } from './maintenance/worker-pool.ts'

// Contribution points.
export { CleanerDecorator } from './cleaner/cleaner.ts'
export { Codec } from './sstable/codec.ts'
export { Lifecycle } from './kernel/lifecycle.ts'
export {
  MaintenanceOpFactory,
  type MaintenanceOp,
  type MaintenanceOpKind,
  type MaintenanceOpStats,
  type Registration,
} from './maintenance/maintenance-op.ts'
export { MemoryConsumer } from './maintenance/memory-budget.ts'

// Building blocks.
export { abortedError, asError, invariant, InvariantError, throwIfAborted, VarveError, type VarveErrorCode } from './base/errors.ts'
export type { EngineOptions, ReadObserver } from './engine/engine-options.ts'
export type { FrozenStore, Tablet } from './tablet/tablet.ts'
export { flushMemRowSet, type FlushOptions } from './tablet/mem-rowset-flush.ts'
export { flushRows, type FlushInput, type FlushOutput } from './rowset/flush-rows.ts'
export { SSTableReader } from './sstable/sstable-reader.ts'
export { SSTableWriter } from './sstable/sstable-writer.ts'
