/**
 * One partition of a table: where a write goes, how a read is assembled, what a flush installs. A key lives in at most
 * one of its rowsets: the live MemRowSet, which takes inserts; a frozen one, which is being flushed; and DiskRowSets.
 * Everything here runs on the main thread.
 */
import { invariant } from '../base/errors.ts'
import type { FileInfo } from '../events/event-map.ts'
import type { FileMeta, TabletState } from '../manifest/version-edit.ts'
import type { TabletVersion } from '../manifest/version-parts.ts'
import type { BatchSource, KeyRange } from '../rowset/batch-source.ts'
import { type DiskRowSet, notInMemory } from '../rowset/disk-rowset.ts'
import { type KeyColumnBounds, keyColumnBounds } from '../rowset/key-bounds.ts'
import type { LookupMisses } from '../rowset/lookup-misses.ts'
import { MemRowSet } from '../rowset/mem-rowset.ts'
import { RowSetTree } from '../rowset/rowset-tree.ts'
import type { ColumnVector, KeyBlock, RowBlock } from '../schema/column-vector.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { CachedRow, CachedRows } from './row-cache.ts'
import type { TabletHost } from './tablet-host.ts'

/** A MemRowSet that no longer changes, on its way to disk. */
export interface FrozenStore {
  readonly store: MemRowSet
  readonly generation: number
  /** The last op applied when it was frozen. */
  readonly cut: number
}

/** The rows of one rowset, as a scan meets them; `minKey` and `maxKey` (encoded) are known of rowsets on disk. */
export interface RowStream {
  readonly minKey: Uint8Array | undefined
  readonly maxKey: Uint8Array | undefined
  /** To be waited for before `batches`; undefined: nothing to wait for. */
  prepare(): Promise<void> | undefined
  batches(): Iterable<BatchSource>
}

export interface StreamOptions {
  readonly timestamp: number
  readonly range: KeyRange
  /** Each stream in key order. */
  readonly sorted: boolean
  readonly reverse: boolean
}

/** A point read: what it wants, and where its answer goes. Used again and again, by one read at a time. */
export interface PointRead {
  timestamp: number
  misses: LookupMisses
  readonly positions: readonly number[]
  /** The answer from memory: values, as long as `positions`. */
  readonly values: ColumnValue[]
  /** The answer from disk: columns, as long as `positions`, … */
  readonly vectors: ColumnVector[]
  /** … and the row's index in them; −1: the answer is in `values`. */
  index: number
}

/** Streams over one state of the tablet; `release` lets go of the stores and files they read. */
export interface PinnedStreams {
  readonly streams: readonly RowStream[]
  release(): void
}

/** Memory that cached rows take is shared out anew when it has passed the next MiB. */
const memoryStepBits = 20

export class Tablet {
  readonly ordinal: number
  readonly host: TabletHost
  readonly schema: TableSchema
  /** Whole rows read by key; undefined: nobody keeps them. */
  readonly #cached: CachedRows | undefined
  #live: MemRowSet
  #liveGeneration: number
  #liveSinceMs: number
  #frozen: FrozenStore | undefined
  #disk: RowSetTree<DiskRowSet>
  #state: TabletState
  /** The stores in memory, the live one first. */
  #stores: readonly MemRowSet[]
  #dropped: 'no' | 'being dropped' | 'gone' = 'no'
  readonly #listeners: (() => void)[] = []

  constructor(o: { schema: TableSchema; ordinal: number; host: TabletHost; rowsets: readonly DiskRowSet[]; state: TabletState }) {
    this.schema = o.schema
    this.ordinal = o.ordinal
    this.host = o.host
    this.#cached = o.host.rowCache?.open(o.schema)
    this.#disk = RowSetTree.of(o.rowsets)
    this.#state = o.state
    this.#liveGeneration = o.state.flushedGeneration + 1
    this.#live = this.#newStore()
    this.#stores = [this.#live]
    this.#liveSinceMs = o.host.monotonicMs
  }

  get table(): string {
    return this.schema.name
  }

  /** `flights/0`: how the tablet is named in ops, logs and errors. */
  get label(): string {
    return `${this.schema.name}/${this.ordinal}`
  }

  get live(): MemRowSet {
    return this.#live
  }

  /** The generation that log records of this tablet name as their target. */
  get liveGeneration(): number {
    return this.#liveGeneration
  }

  /** When the live store took its first row, on the monotonic clock; while it is empty, when it was begun. */
  get liveSinceMs(): number {
    return this.#liveSinceMs
  }

  get frozen(): FrozenStore | undefined {
    return this.#frozen
  }

  get disk(): RowSetTree<DiskRowSet> {
    return this.#disk
  }

  get state(): TabletState {
    return this.#state
  }

  /** Whether the table is being dropped, or is gone: nothing new may begin. */
  get isDropped(): boolean {
    return this.#dropped !== 'no'
  }

  /** Whether the table was dropped, durably: nothing may be put into the tablet any more. */
  get isGone(): boolean {
    return this.#dropped === 'gone'
  }

  /** Memory held by the stores, in bytes. */
  get memoryBytes(): number {
    return this.#live.usedBytes + (this.#frozen?.store.usedBytes ?? 0)
  }

  /** The oldest op that is in memory only; undefined: none. The log is kept from there on. */
  get oldestOpId(): number | undefined {
    return this.oldestOpIdAfter({ state: this.#state })
  }

  /**
   * As `oldestOpId`, once the manifest says this of the tablet: the log is let go by the answer, so that it counts every
   * change in memory but those that a recovery from that manifest would find in files.
   */
  oldestOpIdAfter({ state }: Pick<TabletVersion, 'state'>): number | undefined {
    const frozen = this.#frozen && this.#frozen.generation > state.flushedGeneration ? this.#frozen.store.oldestOpId : undefined
    const oldest = Math.min(frozen ?? Number.POSITIVE_INFINITY, this.#live.oldestOpId ?? Number.POSITIVE_INFINITY)
    return oldest === Number.POSITIVE_INFINITY ? undefined : oldest
  }

  /** Recovery found records of generation `generation`: the live store is newer than all of them. */
  skipGenerations(generation: number): void {
    this.#liveGeneration = Math.max(this.#liveGeneration, generation + 1)
  }

  /**
   * The index of the first of the keys that has a row, −1 if none has one, or `notInMemory`: `misses` knows what to
   * load before asking again.
   */
  findFirst(rows: RowBlock, keys: KeyBlock, hashes: Uint32Array, misses: LookupMisses): number {
    const bounds = keyColumnBounds(this.schema, rows)
    const inMemory = this.#findFirstInMemory(bounds, keys, hashes)
    const rowsets = this.#disk.overlappingKeys(keys)
    if (rowsets.length === 0) return inMemory
    const limit = inMemory < 0 ? keys.count : inMemory
    let first = limit
    for (const rowset of rowsets) {
      if (rowset.excludes(bounds)) continue
      const found = rowset.findFirst(keys, hashes, first, misses)
      if (found === notInMemory) return notInMemory
      if (found >= 0) first = found
    }
    return first < limit ? first : inMemory
  }

  #findFirstInMemory(bounds: readonly KeyColumnBounds[], keys: KeyBlock, hashes: Uint32Array): number {
    let first = keys.count
    for (const store of this.#stores) {
      if (store.rowCount === 0 || store.excludes(bounds)) continue
      const found = store.findFirst(keys, hashes, first)
      if (found >= 0) first = found
    }
    return first < keys.count ? first : -1
  }

  /**
   * Finds a key's row, as the read's snapshot sees it, and puts it where the read says. Returns whether there is such a
   * row; undefined: `misses` knows what to load before asking again.
   */
  readRow(keys: KeyBlock, i: number, hash: number, read: PointRead): boolean | undefined {
    for (const store of this.#stores) {
      if (store.rowCount === 0) continue
      const row = store.find(keys, i, hash)
      if (row < 0) continue
      if (store.timestampOf(row) > read.timestamp) return false
      store.readRow(row, read.positions, read.values)
      read.index = -1
      return true
    }
    if (this.#disk.size === 0) return false
    for (const rowset of this.#disk.holdingKey(keys, i)) {
      const row = rowset.find(keys, i, hash, read.misses)
      if (row === notInMemory) return undefined
      if (row < 0) continue
      const visible = rowset.isVisible(row, read.timestamp, read.misses)
      if (!visible) return visible
      read.index = rowset.vectorsAt(row, read.positions, read.vectors, read.misses)
      return read.index >= 0 ? true : undefined
    }
    return false
  }

  /** A row that `cacheRow` took in, as the newest state has it; undefined: look for it. */
  cachedRow(keys: KeyBlock, i: number, hash: number): CachedRow | undefined {
    return this.#cached?.get(keys, i, hash)
  }

  /** Keeps a whole row for reads of its key to come: one that was found in the newest state, in this tick. */
  cacheRow(keys: KeyBlock, i: number, hash: number, row: CachedRow): void {
    // Of a batch that is half applied, the newest state shows nothing yet, and its writes will not be told again.
    const { rowCache, mayFreeze } = this.host
    if (!rowCache || !mayFreeze || this.isDropped) return
    const before = rowCache.usedBytes
    this.#cached?.put(keys, i, hash, row)
    if (rowCache.usedBytes >>> memoryStepBits !== before >>> memoryStepBits) this.host.memoryChanged()
  }

  /** Appends rows whose keys are known to be new. Of a tablet that is gone, nobody would ever let go of them: it takes none. */
  insert(rows: RowBlock, keys: KeyBlock, hashes: Uint32Array, o: { timestamp: number; opId: number; selection?: Int32Array }): void {
    if (this.isGone) return
    const wasEmpty = this.#live.rowCount === 0
    const bytesBefore = this.#live.usedBytes
    this.#live.append(rows, keys, hashes, o)
    if (wasEmpty) this.#liveSinceMs = this.host.monotonicMs
    if (wasEmpty || this.#live.usedBytes !== bytesBefore) this.#changed()
  }

  /** Tells a listener whenever the memory that the stores hold has changed, by whole spans, not by rows; or the log that they keep. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** The log has one full segment more: what is in memory only keeps more of it. */
  logGrew(): void {
    if (this.oldestOpId !== undefined) this.#tell()
  }

  #changed(): void {
    this.host.memoryChanged()
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Pins the present state and gives its rows as streams, one for each rowset that may hold some of the range. */
  streams(o: StreamOptions): PinnedStreams {
    const stores = this.#stores.filter((store) => store.rowCount > 0)
    const rowsets = this.#disk.overlapping(o.range)
    for (const store of stores) store.retain()
    for (const rowset of rowsets) rowset.retain()
    const memory = stores.map((store): RowStream => {
      const scan = { ...o, rowCount: store.rowCount }
      return { minKey: undefined, maxKey: undefined, prepare: () => store.prepareScan(scan), batches: () => store.batches(scan) }
    })
    const disk = rowsets.map((rowset): RowStream => {
      const { minKey, maxKey } = rowset
      return { minKey, maxKey, prepare: () => rowset.prepareScan(o), batches: () => rowset.batches(o) }
    })
    let released = false
    return {
      streams: [...memory, ...disk],
      release: () => {
        if (released) return
        released = true
        for (const store of stores) store.release()
        for (const rowset of rowsets) rowset.release()
        if (stores.some((store) => !this.#stores.includes(store))) this.host.memoryChanged()
      },
    }
  }

  /** Freezes the live store, or finds it frozen by an attempt that failed. Undefined: nothing to flush, or not now. */
  freeze(): FrozenStore | undefined {
    if (this.isDropped) return undefined
    if (this.#frozen) return this.#frozen
    if (this.#live.rowCount === 0 || !this.host.mayFreeze) return undefined
    this.#frozen = { store: this.#live, generation: this.#liveGeneration, cut: this.host.lastAppliedOp }
    this.#liveGeneration++
    this.#live = this.#newStore()
    this.#stores = [this.#live, this.#frozen.store]
    this.#liveSinceMs = this.host.monotonicMs
    this.#changed()
    return this.#frozen
  }

  /** In one tick: the frozen store goes, the rowsets that hold its rows come. */
  installFlush(frozen: FrozenStore, rowsets: readonly DiskRowSet[], state: TabletState): void {
    invariant(this.#frozen === frozen, 'only the frozen store is installed')
    this.#frozen = undefined
    this.#stores = [this.#live]
    this.#disk = this.#disk.with(rowsets)
    this.#state = state
    frozen.store.release()
    this.#changed()
  }

  /** The edit that drops the table is on its way: no flush may follow it. */
  beginDrop(): void {
    this.#dropped = 'being dropped'
  }

  /** That edit could not be written. */
  cancelDrop(): void {
    this.#dropped = 'no'
  }

  /** Lets go of everything; scans that hold pins go on, and the files go once the last of them has ended. */
  drop(): void {
    this.#dropped = 'gone'
    for (const rowset of this.#disk.rowsets) rowset.release()
    this.#disk = RowSetTree.of<DiskRowSet>([])
    this.close()
  }

  /** Lets go of memory; files stay. */
  close(): void {
    this.#cached?.release()
    for (const store of this.#stores) store.release()
    this.#frozen = undefined
    this.#live = this.#newStore()
    this.#stores = [this.#live]
    this.#changed()
  }

  fileInfo(meta: FileMeta): FileInfo {
    const { fileNumber, sizeBytes, rows, rowset } = meta
    const path = this.host.sstablePath(fileNumber)
    return { fileNumber, kind: 'sstable', path, sizeBytes, rows, table: this.table, tablet: this.ordinal, rowset }
  }

  #newStore(): MemRowSet {
    return new MemRowSet({ schema: this.schema, generation: this.#liveGeneration, chunks: this.host.chunks })
  }
}
