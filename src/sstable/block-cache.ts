import { token } from '../base/token.ts'

/** Why a block is kept: `key`, `filter` and `index` blocks serve every write's look-up and are the dearest to lose. */
export type BlockRole = 'key' | 'filter' | 'index' | 'data'

/**
 * What the cache holds: an immutable, verified and decoded block. The cache looks at its size alone, so a
 * `Uint8Array` is one too.
 */
export interface CacheableBlock {
  /** Bytes of memory the block keeps alive. */
  readonly byteLength: number
}

/**
 * A bounded store of decoded blocks of immutable files, keyed by file number and block number (the block's ordinal in
 * its file). Numbers from 2^31 to 2^32 name blocks that were made of a file's, columns with changes applied, which are
 * replaced when they are made anew. Called on the main thread, from the hot path: `get` must be cheap and never throw. May forget any entry
 * at any time. Never counts more than its capacity, except for one block larger than all of it, which it refuses.
 */
export interface BlockCache {
  readonly name: string
  get(file: number, block: number): CacheableBlock | undefined
  /**
   * Keeps the block if it fits and is worth its room; replaces an earlier one of the same key. False: it was not kept, so that
   * its memory may be used again. A cache that does not say is taken to have kept it.
   */
  set(file: number, block: number, bytes: CacheableBlock, role: BlockRole): boolean | void
  /** Drops every block of a file that was deleted. */
  forgetFile(file: number): void
  readonly usedBytes: number
  readonly capacityBytes: number
  /** Changes the bound, evicting down to it. The memory budget calls it when write buffers need the room. */
  resize(capacityBytes: number): void
  /** Evicts until at least `bytes` are free again or the cache is empty; returns the bytes freed. */
  evict(bytes: number): number
  /** Counts since the start, for `metrics()`. */
  stats(): BlockCacheStats
}
export const BlockCache = token<BlockCache>('BlockCache')

export interface BlockCacheStats {
  readonly hits: number
  readonly misses: number
  readonly inserted: number
  readonly evicted: number
  readonly entries: number
}
