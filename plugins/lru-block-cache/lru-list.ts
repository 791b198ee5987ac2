import type { CacheableBlock } from '../../src/plugin.ts'

/** A cached block and its place in a list. */
export class CacheEntry {
  readonly file: number
  readonly block: number
  readonly bytes: CacheableBlock
  readonly sizeBytes: number
  readonly list: LruList
  /** The neighbour used later, and the one used earlier. */
  newer: CacheEntry | undefined = undefined
  older: CacheEntry | undefined = undefined
  /** The list's count of moves when this entry last moved to its newer end. */
  movedAt = 0

  constructor(o: { file: number; block: number; bytes: CacheableBlock; sizeBytes: number; list: LruList }) {
    this.file = o.file
    this.block = o.block
    this.bytes = o.bytes
    this.sizeBytes = o.sizeBytes
    this.list = o.list
  }
}

/**
 * Entries in the order of their last use, linked through themselves: a touch moves four links and allocates nothing. An
 * entry that is surely among the newest quarter stays where it is: hot blocks would else be moved at every read, and
 * what is evicted is decided at the other end.
 */
export class LruList {
  sizeBytes = 0
  count = 0
  #moves = 0
  oldest: CacheEntry | undefined = undefined
  newest: CacheEntry | undefined = undefined

  add(entry: CacheEntry): void {
    this.sizeBytes += entry.sizeBytes
    this.count++
    this.#link(entry)
  }

  remove(entry: CacheEntry): void {
    this.sizeBytes -= entry.sizeBytes
    this.count--
    this.#unlink(entry)
  }

  /** Makes the entry the newest. */
  touch(entry: CacheEntry): void {
    if ((this.#moves - entry.movedAt) * 4 < this.count) return
    this.#unlink(entry)
    this.#link(entry)
  }

  #link(entry: CacheEntry): void {
    const before = this.newest
    entry.movedAt = ++this.#moves
    entry.older = before
    entry.newer = undefined
    if (before) before.newer = entry
    else this.oldest = entry
    this.newest = entry
  }

  #unlink(entry: CacheEntry): void {
    const { newer, older } = entry
    if (newer) newer.older = older
    else this.newest = older
    if (older) older.newer = newer
    else this.oldest = newer
  }
}
