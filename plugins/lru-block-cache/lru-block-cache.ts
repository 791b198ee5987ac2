import type { BlockCache, BlockCacheStats, BlockRole, CacheableBlock } from '../../src/plugin.ts'
import { CacheEntry, LruList } from './lru-list.ts'
import { RefusedBlocks } from './refused-blocks.ts'

/** How often a data block comes before a full cache keeps it. */
const timesBeforeKept = 4

/** What an entry costs besides its block: the entry, its place in a map, and the map's slack. */
export const entryOverheadBytes = 128

export interface LruBlockCacheOptions {
  /** The bound, in bytes, overhead included. */
  readonly capacityBytes: number
  /**
   * The share of the capacity up to which key, filter and index blocks are spared while there are data blocks to
   * evict; 0.8 by default, so that data is never squeezed out altogether.
   */
  readonly dearShare?: number
  /** Data blocks of no more than this are kept at once though the cache is full; 16 KiB by default. */
  readonly smallBytesMax?: number
}

/**
 * Keeps the blocks used last. Two lists: the *dear* (key, filter and index blocks, which every write's look-up needs)
 * and the *data*. The oldest data block goes first; a dear one only if there is no data, or the dear hold more than their share.
 *
 * Once it is full, a large data block is kept when it comes for the fourth time within a while. What is read once thus takes no
 * other block's place, be it a scan of more than fits; and its memory is young when nobody needs it any more, which costs the
 * garbage collector next to nothing, where memory that has grown old in a cache costs a full collection. Small blocks are kept
 * at once: they take little room, and reading one costs nearly as much as reading a large one.
 *
 * Blocks are found through a map of files to arrays by block number (ordinals, so the arrays are dense), the last file's at hand:
 * twice as fast as a map of maps, and a deleted file is forgotten without a search.
 */
export class LruBlockCache implements BlockCache {
  readonly name = 'lru-block-cache'
  readonly #files = new Map<number, FileBlocks>()
  readonly #data = new LruList()
  readonly #dear = new LruList()
  readonly #refused = new RefusedBlocks()
  readonly #dearShare: number
  readonly #smallBytesMax: number
  #capacityBytes: number
  #lastFile = -1
  #lastBlocks: FileBlocks | undefined
  #hits = 0
  #misses = 0
  #inserted = 0
  #evicted = 0

  /** TypeError if the capacity is no number of bytes, or the share not within 0..1. */
  constructor(o: LruBlockCacheOptions) {
    const { capacityBytes, dearShare = 0.8, smallBytesMax = 16 * 1024 } = o
    if (!(dearShare >= 0 && dearShare <= 1)) throw new TypeError(`dearShare must be within 0..1, not ${dearShare}.`)
    this.#capacityBytes = requireCapacity(capacityBytes)
    this.#dearShare = dearShare
    this.#smallBytesMax = smallBytesMax
  }

  get usedBytes(): number {
    return this.#data.sizeBytes + this.#dear.sizeBytes
  }

  get capacityBytes(): number {
    return this.#capacityBytes
  }

  get(file: number, block: number): CacheableBlock | undefined {
    const blocks = file === this.#lastFile ? this.#lastBlocks : this.#find(file)
    const entry = blocks?.entries[block]
    if (entry === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    entry.list.touch(entry)
    return entry.bytes
  }

  set(file: number, block: number, bytes: CacheableBlock, role: BlockRole): boolean {
    const earlier = this.#files.get(file)?.entries[block]
    if (earlier) this.#remove(earlier)
    const sizeBytes = bytes.byteLength + entryOverheadBytes
    if (sizeBytes > this.#capacityBytes) return false
    if (role === 'data' && !earlier && !this.#isWorthRoom(file, block, sizeBytes)) return false
    // Room is made first: the new block must not be its own victim, and the bound holds at every moment.
    this.#evictTo(this.#capacityBytes - sizeBytes)
    const list = role === 'data' ? this.#data : this.#dear
    const entry = new CacheEntry({ file, block, bytes, sizeBytes, list })
    list.add(entry)
    const blocks = this.#blocksOf(file)
    blocks.entries[block] = entry
    blocks.count++
    this.#inserted++
    return true
  }

  forgetFile(file: number): void {
    const blocks = this.#files.get(file)
    if (blocks === undefined) return
    for (const entry of blocks.entries) entry?.list.remove(entry)
    this.#dropFile(file)
  }

  resize(capacityBytes: number): void {
    this.#capacityBytes = requireCapacity(capacityBytes)
    this.#evictTo(capacityBytes)
  }

  evict(bytes: number): number {
    const before = this.usedBytes
    this.#evictTo(before - bytes)
    return before - this.usedBytes
  }

  stats(): BlockCacheStats {
    const entries = this.#data.count + this.#dear.count
    return { hits: this.#hits, misses: this.#misses, inserted: this.#inserted, evicted: this.#evicted, entries }
  }

  /** Whether there is room for a data block, or others are to make room, as it was turned away often enough. */
  #isWorthRoom(file: number, block: number, sizeBytes: number): boolean {
    if (sizeBytes <= this.#smallBytesMax || this.usedBytes + sizeBytes <= this.#capacityBytes) return true
    return this.#refused.comesAgain(file, block, { times: timesBeforeKept, sizeBytes, generationBytes: this.#capacityBytes })
  }

  #find(file: number): FileBlocks | undefined {
    const blocks = this.#files.get(file)
    if (blocks) {
      this.#lastFile = file
      this.#lastBlocks = blocks
    }
    return blocks
  }

  #blocksOf(file: number): FileBlocks {
    const found = this.#files.get(file)
    if (found) return found
    const blocks: FileBlocks = { entries: [], count: 0 }
    this.#files.set(file, blocks)
    return blocks
  }

  #evictTo(targetBytes: number): void {
    while (this.usedBytes > targetBytes) {
      const dearBytesMax = this.#capacityBytes * this.#dearShare
      const victim = this.#dear.sizeBytes > dearBytesMax ? this.#dear.oldest : (this.#data.oldest ?? this.#dear.oldest)
      if (victim === undefined) return
      this.#remove(victim)
      this.#evicted++
    }
  }

  #remove(entry: CacheEntry): void {
    entry.list.remove(entry)
    const blocks = this.#files.get(entry.file)
    if (blocks === undefined) return
    blocks.entries[entry.block] = undefined
    blocks.count--
    if (blocks.count === 0) this.#dropFile(entry.file)
  }

  #dropFile(file: number): void {
    this.#files.delete(file)
    if (this.#lastFile !== file) return
    this.#lastFile = -1
    this.#lastBlocks = undefined
  }
}

/** The cached blocks of one file, by block number; holes are blocks not cached. */
interface FileBlocks {
  readonly entries: (CacheEntry | undefined)[]
  count: number
}

function requireCapacity(capacityBytes: number): number {
  if (capacityBytes >= 0 && Number.isFinite(capacityBytes)) return capacityBytes
  throw new TypeError(`The capacity of a block cache must be a number of bytes from 0, not ${capacityBytes}.`)
}
