/**
 * A block cache that evicts by S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, SOSP 2023): three first-in-first-out queues
 * and two bits per entry, no list to reorder on a hit.
 *
 * 1. A new block enters the *small* queue, a tenth of the capacity.
 * 2. At the small queue's end, a block that was asked for since moves to the *main* queue; any other leaves, and its
 *    key is remembered in the *ghost* queue.
 * 3. A block whose key is a ghost when it comes back enters the main queue at once.
 * 4. At the main queue's end, a block that was asked for since goes round again with its count lowered; any other leaves.
 *
 * So a scan that reads a million blocks once passes through the small queue and costs the main one nothing. Key, filter
 * and index blocks skip the trial, because every write's look-up needs them.
 */
import type { BlockCache, BlockCacheStats, BlockRole, CacheableBlock } from 'varve/plugin'
import { type Entry, FifoQueue } from './fifo-queue.ts'

const smallShare = 0.1
const usesMax = 3
/** Bytes counted per entry beside its block: the entry and its place in the maps. */
const entryOverheadBytes = 160

export class S3FifoBlockCache implements BlockCache {
  readonly name = 's3-fifo-block-cache'
  readonly #small = new FifoQueue()
  readonly #main = new FifoQueue()
  readonly #ghosts = new Set<string>()
  readonly #files = new Map<number, Map<number, Entry>>()
  #capacityBytes: number
  #hits = 0
  #misses = 0
  #inserted = 0
  #evicted = 0

  /** A TypeError unless the capacity is a number of bytes. */
  constructor(capacityBytes: number) {
    this.#capacityBytes = checkedCapacity(capacityBytes)
  }

  get usedBytes(): number {
    return this.#small.sizeBytes + this.#main.sizeBytes
  }

  get capacityBytes(): number {
    return this.#capacityBytes
  }

  get(file: number, block: number): CacheableBlock | undefined {
    const entry = this.#files.get(file)?.get(block)
    if (entry === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    if (entry.uses < usesMax) entry.uses++
    return entry.bytes
  }

  set(file: number, block: number, bytes: CacheableBlock, role: BlockRole): void {
    const earlier = this.#files.get(file)?.get(block)
    if (earlier !== undefined) this.#remove(earlier)
    const sizeBytes = bytes.byteLength + entryOverheadBytes
    if (sizeBytes > this.#capacityBytes) return
    // Room first: the bound holds at every moment, and the new block cannot be its own victim.
    this.#evictDownTo(this.#capacityBytes - sizeBytes)
    const known = this.#ghosts.delete(ghostOf(file, block)) || earlier?.queue === this.#main
    const queue = known || role !== 'data' ? this.#main : this.#small
    const entry: Entry = { file, block, bytes, sizeBytes, uses: 0, queue, newer: undefined, older: undefined }
    queue.push(entry)
    const blocks = this.#files.get(file)
    if (blocks === undefined) this.#files.set(file, new Map([[block, entry]]))
    else blocks.set(block, entry)
    this.#inserted++
  }

  forgetFile(file: number): void {
    for (const entry of this.#files.get(file)?.values() ?? []) entry.queue.remove(entry)
    this.#files.delete(file)
  }

  resize(capacityBytes: number): void {
    this.#capacityBytes = checkedCapacity(capacityBytes)
    this.#evictDownTo(capacityBytes)
  }

  evict(bytes: number): number {
    const before = this.usedBytes
    this.#evictDownTo(before - bytes)
    return before - this.usedBytes
  }

  stats(): BlockCacheStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      inserted: this.#inserted,
      evicted: this.#evicted,
      entries: this.#small.count + this.#main.count,
    }
  }

  #evictDownTo(targetBytes: number): void {
    while (this.usedBytes > targetBytes && this.usedBytes > 0) {
      const small = this.#small.sizeBytes > this.#capacityBytes * smallShare || this.#main.count === 0
      if (small) this.#passSmall(this.#small.oldest as Entry)
      else this.#passMain(this.#main.oldest as Entry)
    }
  }

  /** Step 2. */
  #passSmall(entry: Entry): void {
    if (entry.uses > 0) {
      entry.uses = 0
      this.#move(entry, this.#main)
      return
    }
    this.#evictEntry(entry)
    this.#ghosts.add(ghostOf(entry.file, entry.block))
    // As many ghosts as there are blocks: a longer memory would call blocks old friends that the cache could never have kept.
    for (const oldest of this.#ghosts) {
      if (this.#ghosts.size <= Math.max(1, this.#main.count + this.#small.count)) break
      this.#ghosts.delete(oldest)
    }
  }

  /** Step 4. Ends, because every round lowers a count. */
  #passMain(entry: Entry): void {
    if (entry.uses === 0) {
      this.#evictEntry(entry)
      return
    }
    entry.uses--
    this.#move(entry, this.#main)
  }

  #move(entry: Entry, to: FifoQueue): void {
    entry.queue.remove(entry)
    entry.queue = to
    to.push(entry)
  }

  #evictEntry(entry: Entry): void {
    this.#remove(entry)
    this.#evicted++
  }

  #remove(entry: Entry): void {
    entry.queue.remove(entry)
    const blocks = this.#files.get(entry.file)
    blocks?.delete(entry.block)
    if (blocks?.size === 0) this.#files.delete(entry.file)
  }
}

function ghostOf(file: number, block: number): string {
  return `${file}/${block}`
}

function checkedCapacity(capacityBytes: number): number {
  if (!Number.isSafeInteger(capacityBytes) || capacityBytes < 0) {
    throw new TypeError(`A capacity must be a whole number of bytes, not ${capacityBytes}.`)
  }
  return capacityBytes
}
