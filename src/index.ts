/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `varve`: what an application imports. Reading map: `open` gives a `Database` (engine/api.ts says what it can do);
 * tables are defined with `defineTable` and column types (schema/); reads take predicates and aggregates (query/);
 * failures are `VarveError`s with a code (base/errors.ts). Who writes a plugin imports `varve/plugin`; who tests one,
 * `varve/testing` and `varve/conformance`.
 */

export type { ByteSize } from './base/byte-size.ts'
export { errorCodes, InvariantError, VarveError, type VarveErrorCode } from './base/errors.ts'
export type {
  AnyTable,
  BatchColumn,
  ColumnBatch,
  ColumnData,
  ColumnInfo,
  ColumnsInput,
  CompactOptions,
  CreateTableOptions,
  Database,
  Durability,
  OrderBy,
  ReadOptions,
  Scan,
  ScanOptions,
  Snapshot,
  Table,
  TableInfo,
  TableRef,
  WriteOptions,
} from './engine/api.ts'
export { type EngineOptions, engineOptions, type ReadObserver } from './engine/engine-options.ts'
export type { DeltaFilesStats, Metrics, RowSetDeltas, RowSetStats, TableStats, TabletStats } from './engine/metrics.ts'
export { rowsetPicture } from './engine/rowset-picture.ts'
export type {
  BatchOptions,
  Change,
  ChangesOptions,
  InsertOptions,
  Moment,
  UpdateValues,
  WriteBatch,
  WriteConflict,
  WriteCounts,
} from './engine/write-api.ts'
export type { EventBus, EventMap, EventName, FileInfo, Listener } from './events/event-map.ts'
export type { BootTree } from './kernel/boot-tree.ts'
export { type DatabaseConfig, defineConfig } from './kernel/config.ts'
export type { ConfiguredPlugin } from './kernel/define-plugin.ts'
export { loadConfig } from './kernel/load-config.ts'
export type { PluginEntry } from './kernel/plugin-loader.ts'
export { type OpenOptions, open } from './open.ts'
export { type Aggregate, avg, type Bucket, bucket, count, countDistinct, first, last, max, min, sum } from './query/aggregate.ts'
export { and, between, eq, gt, gte, inList, isNull, lt, lte, ne, not, notNull, or, type Predicate, startsWith } from './query/predicate.ts'
export { type AnyColumn, binary, bool, type Column, double, float, int8, int16, int32, int64, string, timestamp } from './schema/columns.ts'
export type { AddableColumn, TableChange } from './schema/table-change.ts'
export {
  type Columns,
  defineTable,
  hashPartition,
  type InsertRow,
  type Key,
  type KeyPrefix,
  type Row,
  rangePartition,
  type TableDefinition,
  type UpdateRow,
  type UpsertRow,
} from './schema/table-definition.ts'
export { partitionsOf, type WriteSSTableOptions, type WrittenSSTable, writeSSTable } from './sstable/write-sstable.ts'
