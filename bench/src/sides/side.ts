import type { CpuChange } from '../data/changed-rows.ts'
import type { FilterAnswer, GroupRow } from '../data/expected-answers.ts'
import type { MetricColumns, MetricRow } from '../data/metrics-data.ts'
import type { Operations } from '../data/operations.ts'

/** In the order of the tables. */
export const sideNames = ['varve', 'classic-level', 'lmdb', 'better-sqlite3', 'duckdb'] as const
export type SideName = (typeof sideNames)[number]
export const peerNames: readonly SideName[] = sideNames.filter((name) => name !== 'varve')

/** Keys to read: host and time of each. */
export interface PointKeys {
  readonly hosts: Int32Array
  readonly ats: Float64Array
}

export interface SideOptions {
  readonly directory: string
  /** `write`: a commit is with the operating system; `sync`: on the disk. */
  readonly durability: 'write' | 'sync'
}

/**
 * One store under measurement, holding the metrics table. Each method does its work the way that store does it best,
 * its own tight loop included, so that no side pays for a shape that suits another. A method that is missing is work
 * that the store has no call for; `cannot` says so in words.
 */
export interface Side {
  /** Writes rows as one commit, in the store's fastest way for a thousand rows; resolves when it is acknowledged. */
  insertRows(rows: MetricRow[]): Promise<void>
  /** Writes rows one by one, each acknowledged before the next one begins. */
  insertEach(rows: readonly MetricRow[]): Promise<void>
  insertColumns?(columns: MetricColumns): Promise<void>
  /** As `insertColumns`, value by value: the documented way of a store whose columnar way is not. */
  appendColumns?(columns: MetricColumns): Promise<void>
  /** Ends a load whose rows the store may still be gathering (DuckDB's appender); nothing to do for others. */
  finishLoad?(): Promise<void>
  /** Brings everything to where it is to stay: memory flushed, logs folded in, compacted where the store compacts. */
  settle(): Promise<void>
  /** Changes one column of rows that are there as one commit, in the store's fastest way for a thousand rows. Of changes of one row the last one counts. */
  updateRows(changes: readonly CpuChange[]): Promise<void>
  /** Does operations one by one, each acknowledged before the next, synchronously where that is quicker; returns the sum of `rowSum` over rows read. */
  operate?(operations: Operations): Promise<number>
  /** From now on nothing happens in the background, and nothing is rewritten that changes. */
  pauseMaintenance?(): void
  /** Brings all rows and changes to where they take the least room. Where it is missing, `settle` does. */
  compact?(): Promise<void>

  /** Reads rows one by one, in the form the store offers to an application that awaits; returns the sum of `rowSum`. */
  readEach(keys: PointKeys): Promise<number>
  /** As `readEach`, by a call that returns at once. */
  readEachSync?(keys: PointKeys): number
  /** As `readEach`, `keysPerCall` keys a call. */
  readMany?(keys: PointKeys, keysPerCall: number): Promise<number>
  /** As `readEach`, but of the value's bytes, not decoded; returns their number. */
  readRaw?(keys: PointKeys): number
  /** For each host its first `limit` rows in order of time, as objects; returns the sum of `rowSum`. */
  readRanges(hosts: Int32Array, limit: number): Promise<number>
  /** count, sum(cpu), avg(mem) where cpu > threshold. */
  filterAggregate(threshold: number): Promise<FilterAnswer>
  /** sum(cpu), avg(mem) by host; in any order. */
  groupByHost(): Promise<GroupRow[]>
  /** Every column of every row, by batches where the store has them; returns the sum of `rowSum`. */
  scanAll(): Promise<number>
  count(): Promise<number>
  close(): Promise<void>
}

/** Opens, and makes where there is none, a store in an existing directory. */
export type OpenSide = (o: SideOptions) => Promise<Side>
