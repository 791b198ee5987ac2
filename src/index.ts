/**
 * `varve`: what an application imports. Reading map: `open` gives a `Database` (engine/api.ts says what it can do);
 * tables are defined with `defineTable` and column types (schema/); reads take predicates and aggregates (query/);
 * failures are `VarveError`s with a code (base/errors.ts). Who writes a plugin imports `varve/plugin`; who tests one,
 * `varve/testing` and `varve/conformance`.
 */
export { open, type OpenOptions } from './open.ts'
export { defineConfig, type DatabaseConfig } from './kernel/config.ts'
export { loadConfig } from './kernel/load-config.ts'
export type { ByteSize } from './base/byte-size.ts'
export type { ConfiguredPlugin } from './kernel/define-plugin.ts'
export type { PluginEntry } from './kernel/plugin-loader.ts'
export { errorCodes, InvariantError, VarveError, type VarveErrorCode } from './base/errors.ts'

export { bool, binary, double, float, int16, int32, int64, int8, string, timestamp, type AnyColumn, type Column } from './schema/columns.ts'
export {
  defineTable,
  hashPartition,
  rangePartition,
  type Columns,
  type InsertRow,
  type Key,
  type KeyPrefix,
  type Row,
  type TableDefinition,
  type UpdateRow,
} from './schema/table-definition.ts'

export { and, between, eq, gt, gte, inList, isNull, lt, lte, ne, not, notNull, or, startsWith, type Predicate } from './query/predicate.ts'
export { avg, bucket, count, countDistinct, first, last, max, min, sum, type Aggregate, type Bucket } from './query/aggregate.ts'

export type {
  AnyTable,
  BatchColumn,
  ColumnBatch,
  ColumnData,
  ColumnInfo,
  ColumnsInput,
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
export { engineOptions, type EngineOptions, type ReadObserver } from './engine/engine-options.ts'
export type { Metrics, RowSetStats, TableStats, TabletStats } from './engine/metrics.ts'
export type { EventBus, EventMap, EventName, FileInfo, Listener } from './events/event-map.ts'
export type { BootTree } from './kernel/boot-tree.ts'
