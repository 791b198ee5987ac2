import {
  type CachedRow,
  type CachedRows,
  type KeyBlock,
  keyLayout,
  type RowCache,
  type RowCacheStats,
  type RowImage,
  rowImage,
  type TableSchema,
} from '../../src/plugin.ts'
import { RowShard } from './row-shard.ts'

/** The top bits of a hash name the shard: each grows on its own, so that no read waits for much. */
const shardBits = 6
/** A row larger than this share of the capacity is not taken in. */
const rowShareMax = 1 / 64
/**
 * Once the cache is full, one row in so many that are missed is taken in: where more rows are read, again and again, than it
 * holds, it then keeps some of them instead of none, and a read of rows that will not come again costs next to nothing.
 */
const admittedInFull = 8

/** Counts of all tablets, and the bytes they share. */
interface Shared {
  capacityBytes: number
  usedBytes: number
  hits: number
  misses: number
  inserted: number
  evicted: number
  entries: number
}

/** Keeps the rows read last, whole, within a bound of bytes. */
export class ClockRowCache implements RowCache {
  readonly name = 'clock-row-cache'
  readonly #shared: Shared
  readonly #tablets = new Set<ShardedRows>()

  /** RangeError for a capacity that is no number of at least 0. */
  constructor(o: { readonly capacityBytes: number }) {
    requireCapacity(o.capacityBytes)
    this.#shared = { capacityBytes: o.capacityBytes, usedBytes: 0, hits: 0, misses: 0, inserted: 0, evicted: 0, entries: 0 }
  }

  get capacityBytes(): number {
    return this.#shared.capacityBytes
  }

  get usedBytes(): number {
    return this.#shared.usedBytes
  }

  resize(capacityBytes: number): void {
    requireCapacity(capacityBytes)
    this.#shared.capacityBytes = capacityBytes
    this.#shrink()
  }

  open(schema: TableSchema): CachedRows {
    const rows: ShardedRows = new ShardedRows(schema, this.#shared, {
      opened: () => this.#tablets.add(rows),
      released: () => this.#tablets.delete(rows),
      full: () => this.#shrink(),
    })
    return rows
  }

  stats(): RowCacheStats {
    const { hits, misses, inserted, evicted, entries } = this.#shared
    return { hits, misses, inserted, evicted, entries }
  }

  /** Whole shards go, of the largest tablet first: fixed room is not given back row by row. */
  #shrink(): void {
    while (this.#shared.usedBytes > this.#shared.capacityBytes) {
      const [first, ...others] = this.#tablets
      if (first === undefined) return
      others.reduce((largest, rows) => (rows.usedBytes > largest.usedBytes ? rows : largest), first).dropShard()
    }
  }
}

/** What rows tell their cache: that they hold something, hold nothing more, or that nothing can be evicted here. */
interface Owner {
  opened(): void
  released(): void
  full(): void
}

/** The rows of one tablet. */
class ShardedRows implements CachedRows {
  usedBytes = 0
  readonly #shared: Shared
  readonly #owner: Owner
  readonly #image: RowImage
  readonly #wordsPerKey: number
  #shards: (RowShard | undefined)[] = []
  #nextDropped = 0
  #missedInFull = 0

  constructor(schema: TableSchema, shared: Shared, owner: Owner) {
    const layout = keyLayout(schema)
    this.#shared = shared
    this.#owner = owner
    this.#image = rowImage(schema.columns)
    this.#wordsPerKey = layout.form === 'fixed' ? layout.wordsPerKey : 0
  }

  get(keys: KeyBlock, i: number, hash: number): CachedRow | undefined {
    const row = this.#shards[hash >>> (32 - shardBits)]?.get(keys, i, hash)
    if (row === undefined) this.#shared.misses++
    else this.#shared.hits++
    return row
  }

  put(keys: KeyBlock, i: number, hash: number, row: CachedRow): void {
    const shard = this.#shard(hash >>> (32 - shardBits))
    const valueBytes = shard.valueBytesOf(keys, i, row)
    if (valueBytes > this.#shared.capacityBytes * rowShareMax || shard.has(keys, i, hash)) return
    const isFull = () => this.#shared.usedBytes + shard.growthBytes + valueBytes > this.#shared.capacityBytes
    if (isFull() && ++this.#missedInFull % admittedInFull !== 0) return
    while (isFull()) {
      if (shard.rowCount === 0) return this.#owner.full()
      this.#within(shard, () => shard.evict())
      this.#shared.evicted++
      this.#shared.entries--
    }
    this.#within(shard, () => shard.put(keys, i, hash, row))
    this.#shared.inserted++
    this.#shared.entries++
  }

  delete(keys: KeyBlock, i: number, hash: number): void {
    const shard = this.#shards[hash >>> (32 - shardBits)]
    if (shard === undefined || shard.rowCount === 0) return
    this.#within(shard, () => {
      if (shard.delete(keys, i, hash)) this.#shared.entries--
    })
  }

  release(): void {
    for (const shard of this.#shards) if (shard) this.#forget(shard)
    this.#shards = []
    this.#owner.released()
  }

  /** Gives up one shard, the next in turn. */
  dropShard(): void {
    const count = 1 << shardBits
    for (let tried = 0; tried < count; tried++) {
      const at = this.#nextDropped++ % count
      const shard = this.#shards[at]
      if (shard === undefined) continue
      this.#shared.evicted += shard.rowCount
      this.#forget(shard)
      this.#shards[at] = undefined
      return
    }
    this.#owner.released()
  }

  #shard(at: number): RowShard {
    if (this.#shards.length === 0) {
      this.#shards = new Array<RowShard | undefined>(1 << shardBits).fill(undefined)
      this.#owner.opened()
    }
    const shard = this.#shards[at] ?? new RowShard(this.#image, this.#wordsPerKey)
    this.#shards[at] = shard
    return shard
  }

  #forget(shard: RowShard): void {
    this.usedBytes -= shard.usedBytes
    this.#shared.usedBytes -= shard.usedBytes
    this.#shared.entries -= shard.rowCount
  }

  #within(shard: RowShard, change: () => void): void {
    const before = shard.usedBytes
    change()
    this.usedBytes += shard.usedBytes - before
    this.#shared.usedBytes += shard.usedBytes - before
  }
}

function requireCapacity(bytes: number): void {
  if (!Number.isFinite(bytes) || bytes < 0) throw new RangeError(`A cache's capacity is a number of bytes, at least 0; got ${bytes}.`)
}
