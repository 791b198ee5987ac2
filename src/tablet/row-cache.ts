import { token } from '../base/token.ts'
import type { KeyBlock } from '../schema/column-vector.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'

/**
 * Keeps whole rows that were read by key from disk, so that reading one again touches one place in memory instead of
 * one for each column. Optional: without a provider every read goes to the blocks.
 *
 * The engine owns what is right: it puts only what a read of the newest state has found, and takes a key out whenever
 * a write touches it. The cache owns how many bytes it holds and which rows go first. All calls come from the main
 * thread, and every point read waits for them: none may take long.
 */
export interface RowCache {
  /** For `metrics()` and the memory budget. */
  readonly name: string
  /** What it was given; `usedBytes` is never above. The engine takes the first value as the most that is wanted. */
  readonly capacityBytes: number
  readonly usedBytes: number
  /** Sets the capacity, and lets go of what is beyond it at once: the engine calls it as write buffers grow and shrink. */
  resize(capacityBytes: number): void
  /** An empty cache of the rows of one tablet, which shares the capacity. `release` it when the tablet is gone. */
  open(schema: TableSchema): CachedRows
  /** Counts since the start, for `metrics()`. */
  stats(): RowCacheStats
}
export const RowCache = token<RowCache>('RowCache')

/** The cached rows of one tablet, by key. `hash` is `hashKey(keys, i)`; keys are valid during the call only. */
export interface CachedRows {
  /** The row of key i, its properties in the order of the schema's columns: a new object at each call, and new binary values; undefined if it is not here. */
  get(keys: KeyBlock, i: number, hash: number): CachedRow | undefined
  /**
   * Offers a row. Whether it is worth its room is the cache's to say, but what was here under its key is gone. Neither
   * the object nor its binary values are kept.
   */
  put(keys: KeyBlock, i: number, hash: number, row: CachedRow): void
  /** Forgets a key. */
  delete(keys: KeyBlock, i: number, hash: number): void
  /** Forgets everything, and counts no more against the capacity until the next `put`. */
  release(): void
}

export type CachedRow = Readonly<Record<string, ColumnValue>>

/** `inserted` and `evicted` do not count what `delete` and `release` took away. */
export interface RowCacheStats {
  readonly hits: number
  readonly misses: number
  readonly inserted: number
  readonly evicted: number
  readonly entries: number
}
