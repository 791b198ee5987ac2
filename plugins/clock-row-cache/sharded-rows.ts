import type { CachedRow, CachedRows, KeyBlock, TableSchema } from '../../src/plugin.ts'
import { firstCapacity, type RowLayout, rowLayout, shardBytes } from './row-layout.ts'
import { RowShard } from './row-shard.ts'

/** A full shard of so many rows is split in two: no read waits for more rows than these to be copied. */
const splitCapacity = 4096
/** At most so many leading bits of a hash name a shard; beyond that shards grow. */
const depthMax = 12
/** A row larger than this share of the capacity is not taken in. */
const rowShareMax = 1 / 64
/**
 * Once the cache is full, one row in so many that are missed is taken in: where more rows are read, again and again, than it
 * holds, it then keeps some of them instead of none, and a read of rows that will not come again costs next to nothing.
 */
const admittedInFull = 8

/** What all tablets share: counts, and a bound of bytes. */
export interface Shared {
  capacityBytes: number
  usedBytes: number
  hits: number
  misses: number
  inserted: number
  evicted: number
  entries: number
  /** Those that hold something. */
  readonly tablets: Set<ShardedRows>
}

/**
 * The cached rows of one tablet. A directory of a power of two entries leads from the leading bits of a hash to a shard;
 * a shard that shares fewer bits has several entries. A full shard doubles, and is split in two once it is large; if
 * there is no room for that, one of its rows goes.
 */
export class ShardedRows implements CachedRows {
  /** Of rows and of room for rows. */
  usedBytes = 0
  #wasRead = false
  readonly #shared: Shared
  readonly #layout: RowLayout
  #shards: RowShard[] = []
  /** Bits of a hash that do not name a directory's entry: at most 31, for a shift by 32 is none. */
  #shift = 31
  /** The entries whose turn is next: to give up half a shard, and to give up a row. */
  #nextHalved = 0
  #nextEvicting = 0
  #missedInFull = 0

  constructor(schema: TableSchema, shared: Shared) {
    this.#shared = shared
    this.#layout = rowLayout(schema)
    this.#reset()
  }

  get(keys: KeyBlock, i: number, hash: number): CachedRow | undefined {
    const row = (this.#shards[hash >>> this.#shift] as RowShard).get(keys, i, hash)
    if (row === undefined) {
      this.#shared.misses++
      return undefined
    }
    this.#shared.hits++
    this.#wasRead = true
    return row
  }

  put(keys: KeyBlock, i: number, hash: number, row: CachedRow): void {
    const wasHere = this.#delete(keys, i, hash)
    const valueBytes = this.#layout.valueBytesOf(keys, i, row)
    if (valueBytes > this.#shared.capacityBytes * rowShareMax) return
    if (this.#lacks(hash, valueBytes) && !wasHere && ++this.#missedInFull % admittedInFull !== 0) return
    if (!this.#makeRoom(hash, valueBytes)) return
    this.#shardOf(hash).put(keys, i, hash, row)
    this.#account(valueBytes, 1)
    this.#shared.inserted++
  }

  delete(keys: KeyBlock, i: number, hash: number): void {
    this.#delete(keys, i, hash)
  }

  release(): void {
    for (const shard of new Set(this.#shards)) this.#account(-shard.usedBytes, -shard.rowCount)
    this.#reset()
  }

  /** Gives up everything. */
  evictAll(): void {
    for (const shard of new Set(this.#shards)) this.#shared.evicted += shard.rowCount
    this.release()
  }

  /** Whether no row of it was found since this was asked last. */
  takeIdle(): boolean {
    const isIdle = !this.#wasRead
    this.#wasRead = false
    return isIdle
  }

  /** Gives up half of the next shard's room, and the rows for which there is none then. Whether there was any. */
  halveNext(): boolean {
    const count = this.#shards.length
    for (let tried = 0; tried < count; tried++) {
      const at = this.#nextHalved++ % count
      const shard = this.#shards[at] as RowShard
      if (shard.capacity === 0) continue
      const half = shard.resized(shard.capacity > firstCapacity ? shard.capacity / 2 : 0)
      this.#shared.evicted += shard.rowCount - half.rowCount
      this.#replace(at, shard, half)
      // What is nearly empty begins anew, with few entries.
      if (this.usedBytes === 0) this.#reset()
      return true
    }
    return false
  }

  /** A directory with no room at all. */
  #reset(): void {
    const empty = new RowShard(this.#layout, { capacity: 0, depth: 0 })
    this.#shards = [empty, empty]
    this.#shift = 31
    this.#nextHalved = 0
    this.#nextEvicting = 0
    this.#shared.tablets.delete(this)
  }

  #shardOf(hash: number): RowShard {
    return this.#shards[hash >>> this.#shift] as RowShard
  }

  #delete(keys: KeyBlock, i: number, hash: number): boolean {
    const shard = this.#shardOf(hash)
    const before = shard.valueBytes
    if (!shard.delete(keys, i, hash)) return false
    this.#account(shard.valueBytes - before, -1)
    return true
  }

  #evict(shard: RowShard): void {
    const before = shard.valueBytes
    shard.evict()
    this.#account(shard.valueBytes - before, -1)
    this.#shared.evicted++
  }

  /** Evicts a row of the next shard that has one, so that all shards give alike. Whether there was any. */
  #evictNext(): boolean {
    const count = this.#shards.length
    for (let tried = 0; tried < count; tried++) {
      const shard = this.#shards[this.#nextEvicting++ % count] as RowShard
      if (shard.rowCount === 0) continue
      this.#evict(shard)
      return true
    }
    return false
  }

  /** Whether a row more would not fit without another one going. */
  #lacks(hash: number, valueBytes: number): boolean {
    const { usedBytes, capacityBytes } = this.#shared
    return usedBytes + this.#growthBytes(this.#shardOf(hash)) + valueBytes > capacityBytes
  }

  /** What the shard's next row takes in room, at the most. */
  #growthBytes(shard: RowShard): number {
    if (!shard.isFull) return 0
    const { capacity } = shard
    return capacity === 0 ? shardBytes(this.#layout, firstCapacity) : shardBytes(this.#layout, capacity)
  }

  /** A place for a row, and bytes for its values; false: not even if everything else went. */
  #makeRoom(hash: number, valueBytes: number): boolean {
    if (this.#lacks(hash, valueBytes)) this.#takeFromOthers(hash, valueBytes)
    while (this.#lacks(hash, valueBytes)) {
      const shard = this.#shardOf(hash)
      if (shard.capacity > 0 && shard.isFull) this.#evict(shard)
      // A shard without room gets some that others have; for values alone, others' rows are enough.
      else if (!(shard.capacity > 0 && this.#evictNext()) && !this.halveNext()) return false
    }
    if (this.#shardOf(hash).isFull) this.#grow(hash)
    return true
  }

  /**
   * Takes room from tablets that nobody reads, or that have more than twice as much: else those that were read first
   * would keep all there is for good.
   */
  #takeFromOthers(hash: number, valueBytes: number): void {
    while (this.#lacks(hash, valueBytes)) {
      const giver = this.#nextIdle() ?? this.#muchLarger()
      if (giver === undefined) return
      giver.halveNext()
    }
  }

  /** The tablet whose turn it is to be looked at, if it is another one and idle. */
  #nextIdle(): ShardedRows | undefined {
    const { tablets } = this.#shared
    const [next] = tablets
    if (next === undefined) return undefined
    tablets.delete(next)
    tablets.add(next)
    return next !== this && next.takeIdle() ? next : undefined
  }

  #muchLarger(): ShardedRows | undefined {
    const largest = largestOf(this.#shared.tablets)
    return largest !== undefined && largest.usedBytes > 2 * this.usedBytes ? largest : undefined
  }

  #grow(hash: number): void {
    const at = hash >>> this.#shift
    const shard = this.#shards[at] as RowShard
    this.#shared.tablets.add(this)
    if (shard.capacity < splitCapacity || shard.depth === depthMax) {
      this.#replace(at, shard, shard.resized(Math.max(firstCapacity, shard.capacity * 2)))
      return
    }
    this.#split(at, shard)
    // All hashes may share the next bit too.
    const half = this.#shardOf(hash)
    if (half.isFull) this.#evict(half)
  }

  #split(at: number, shard: RowShard): void {
    const [low, high] = shard.split()
    const from = this.#firstEntry(at, shard)
    let span = this.#spanOf(shard)
    if (span === 1) {
      this.#shards = this.#shards.flatMap((each) => [each, each])
      this.#shift--
      span = 2
      this.#shards.fill(low, from * 2, from * 2 + 1).fill(high, from * 2 + 1, from * 2 + 2)
    } else this.#shards.fill(low, from, from + span / 2).fill(high, from + span / 2, from + span)
    this.#account(low.usedBytes + high.usedBytes - shard.usedBytes, low.rowCount + high.rowCount - shard.rowCount)
  }

  #replace(at: number, shard: RowShard, by: RowShard): void {
    const from = this.#firstEntry(at, shard)
    this.#shards.fill(by, from, from + this.#spanOf(shard))
    this.#account(by.usedBytes - shard.usedBytes, by.rowCount - shard.rowCount)
  }

  /** How many entries lead to the shard. */
  #spanOf(shard: RowShard): number {
    return 2 ** (32 - this.#shift - shard.depth)
  }

  #firstEntry(at: number, shard: RowShard): number {
    return at - (at % this.#spanOf(shard))
  }

  #account(bytes: number, rows: number): void {
    this.usedBytes += bytes
    this.#shared.usedBytes += bytes
    this.#shared.entries += rows
  }
}

export function largestOf(tablets: Iterable<ShardedRows>): ShardedRows | undefined {
  let largest: ShardedRows | undefined
  for (const rows of tablets) if (largest === undefined || rows.usedBytes > largest.usedBytes) largest = rows
  return largest
}
