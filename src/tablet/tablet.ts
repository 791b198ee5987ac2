/**
 * One partition of a table: where a write goes, how a read is assembled, what a flush installs. A key lives in at most
 * one of its rowsets: the live MemRowSet, which takes inserts; a frozen one, which is being flushed; and DiskRowSets.
 * Everything here runs on the main thread.
 */
import { invariant } from '../base/errors.ts'
import type { TabletState } from '../manifest/version-edit.ts'
import type { TabletVersion } from '../manifest/version-parts.ts'
import type { DeltaMemStore } from '../rowset/delta-mem-store.ts'
import { type DiskRowSet, notInMemory } from '../rowset/disk-rowset.ts'
import { type KeyColumnBounds, keyColumnBounds } from '../rowset/key-bounds.ts'
import { LookupMisses } from '../rowset/lookup-misses.ts'
import { MemRowSet } from '../rowset/mem-rowset.ts'
import type { RowRead } from '../rowset/row-read.ts'
import { RowSetTree } from '../rowset/rowset-tree.ts'
import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { gatherBlock } from '../schema/vector-ops.ts'
import { CarryOver } from './carry-over.ts'
import { LiveChanges, type RowChange } from './live-changes.ts'
import { type LocatedRows, locateRows, type RowHolder } from './locate-rows.ts'
import { type PinnedStreams, pinStreams, type StreamOptions } from './pinned-streams.ts'
import type { CachedRow, CachedRows } from './row-cache.ts'
import { type RowSetClaim, RowSetClaims } from './rowset-claims.ts'
import type { TabletHost } from './tablet-host.ts'

/** A MemRowSet that takes no more rows, on its way to disk, with the changes that its rows had taken. */
export interface FrozenStore {
  readonly store: MemRowSet
  /** The changes up to the cut; undefined: none. Later ones are in a store of their own, and are carried over. */
  readonly changes: DeltaMemStore | undefined
  readonly generation: number
  /** The last op applied when it was frozen. */
  readonly cut: number
}

/** The changes of a rowset's rows up to a cut, on their way to a delta file. */
export interface FrozenChanges {
  readonly rowset: DiskRowSet
  readonly store: DeltaMemStore
  readonly cut: number
}

/** Memory that cached rows take is shared out anew when it has passed the next MiB. */
const memoryStepBits = 20

export class Tablet {
  readonly ordinal: number
  readonly host: TabletHost
  readonly schema: TableSchema
  /** Who works on which rowsets on disk. */
  readonly claims = new RowSetClaims(() => this.#tell())
  /** Whole rows read by key; undefined: nobody keeps them. */
  readonly #cached: CachedRows | undefined
  #live: MemRowSet
  #liveGeneration: number
  #liveSinceMs: number
  #frozen: FrozenStore | undefined
  readonly #changes: LiveChanges
  readonly #frozenChanges = new Map<DiskRowSet, FrozenChanges>()
  #disk: RowSetTree<DiskRowSet>
  #state: TabletState
  /** The stores in memory, the live one first. */
  #stores: readonly MemRowSet[]
  /** `altered`: tablets of another schema have taken its place. */
  #end: 'no' | 'being dropped' | 'being altered' | 'altered' | 'gone' = 'no'
  readonly #listeners: (() => void)[] = []

  constructor(o: { schema: TableSchema; ordinal: number; host: TabletHost; rowsets: readonly DiskRowSet[]; state: TabletState }) {
    this.schema = o.schema
    this.ordinal = o.ordinal
    this.host = o.host
    this.#cached = o.host.rowCache?.open(o.schema)
    this.#changes = new LiveChanges(o.schema, o.host.chunks)
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

  /** Whether the table is being dropped or altered, or is gone: nothing new may begin. */
  get isDropped(): boolean {
    return this.#end !== 'no'
  }

  /** Whether it is an alteration that nothing new may begin for. */
  get isAltered(): boolean {
    return this.#end === 'being altered' || this.#end === 'altered'
  }

  /** Whether the table was dropped, durably, or altered: nothing may be put into the tablet any more. */
  get isGone(): boolean {
    return this.#end === 'gone' || this.#end === 'altered'
  }

  /** Memory held by the stores, in bytes. */
  get memoryBytes(): number {
    let bytes = this.#live.usedBytes + this.#changes.memoryBytes
    if (this.#frozen) bytes += this.#frozen.store.usedBytes + (this.#frozen.changes?.usedBytes ?? 0)
    for (const { store } of this.#frozenChanges.values()) bytes += store.usedBytes
    return bytes
  }

  /** The changes of a rowset's rows that are in memory only; undefined: none. */
  changesOf(holder: RowHolder): DeltaMemStore | undefined {
    return this.#changes.of(holder)
  }

  /** Changes of a rowset that an attempt to flush them has left frozen, or that are being flushed. */
  frozenChangesOf(rowset: DiskRowSet): FrozenChanges | undefined {
    return this.#frozenChanges.get(rowset)
  }

  /** The generation that log records of a store's rows name as their target; undefined: the rows are on disk. */
  generationOf(holder: RowHolder): number | undefined {
    if (holder === this.#live) return this.#liveGeneration
    return holder === this.#frozen?.store ? this.#frozen.generation : undefined
  }

  /** The oldest op that is in memory only; undefined: none. The log is kept from there on. */
  get oldestOpId(): number | undefined {
    return this.oldestOpIdAfter({ state: this.#state })
  }

  /**
   * As `oldestOpId`, once the manifest says this of the tablet: the log is let go by the answer, so that it counts every
   * change in memory but those that a recovery from that manifest would find in files.
   */
  oldestOpIdAfter({ state, rowsets }: Pick<TabletVersion, 'state'> & Partial<Pick<TabletVersion, 'rowsets'>>): number | undefined {
    const isFlushed = this.#frozen !== undefined && this.#frozen.generation <= state.flushedGeneration
    const oldest = Math.min(
      isFlushed ? Number.POSITIVE_INFINITY : (this.#frozen?.store.oldestOpId ?? Number.POSITIVE_INFINITY),
      isFlushed ? Number.POSITIVE_INFINITY : (this.#frozen?.changes?.oldestOpId ?? Number.POSITIVE_INFINITY),
      this.#live.oldestOpId ?? Number.POSITIVE_INFINITY,
      this.#changes.oldestOpId,
      ...Array.from(this.#frozenChanges.values(), ({ rowset, store, cut }) => {
        const through = rowsets?.get(rowset.meta.rowset)?.flushedThroughOp ?? Number.NEGATIVE_INFINITY
        return through >= cut ? Number.POSITIVE_INFINITY : (store.oldestOpId ?? Number.POSITIVE_INFINITY)
      }),
    )
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

  /** Where the rows of many keys are; undefined: `misses` knows what to load before asking again. */
  locate(keys: KeyBlock, hashes: Uint32Array, misses: LookupMisses, where?: 'memory' | 'disk'): LocatedRows | undefined {
    const stores = where === 'disk' ? [] : this.#stores.filter((store) => store.rowCount > 0)
    const rowsets = where === 'memory' ? [] : this.#disk.overlappingKeys(keys)
    return locateRows(stores, rowsets, keys, hashes, misses)
  }

  /** Whether no store in memory has a row of any of the keys. */
  isNewInMemory(rows: RowBlock, keys: KeyBlock, hashes: Uint32Array): boolean {
    return this.#findFirstInMemory(keyColumnBounds(this.schema, rows), keys, hashes) < 0
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
  readRow(keys: KeyBlock, i: number, hash: number, read: RowRead): boolean | undefined {
    for (const store of this.#stores) {
      if (store.rowCount === 0) continue
      const row = store.find(keys, i, hash)
      if (row < 0) continue
      return store.readRowAt(row, read)
    }
    if (this.#disk.size === 0) return false
    for (const rowset of this.#disk.holdingKey(keys, i)) {
      const row = rowset.find(keys, i, hash, read.misses)
      if (row === notInMemory) return undefined
      if (row < 0) continue
      return rowset.readRow(row, read)
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

  /** Changes rows, where they are. */
  change(change: RowChange, o: { timestamp: number; opId: number }): void {
    if (this.isGone) return
    const { op, holder, rowIds, rows, positions, keys, hashes } = change
    const bytesBefore = this.#changes.of(holder)?.usedBytes ?? 0
    for (let i = 0; i < keys.count; i++) this.#cached?.delete(keys, i, hashes[i] as number)
    this.#changes.append(holder, { op, ...o, rows: rowIds, values: rows, positions })
    if (bytesBefore !== this.#changes.of(holder)?.usedBytes) this.#changed()
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
    return pinStreams(o, stores, this.#disk.overlapping(o.range), () => {
      if (stores.some((store) => !this.#stores.includes(store))) this.host.memoryChanged()
    })
  }

  /** Freezes the live store, or finds it frozen by an attempt that failed. Undefined: nothing to flush, or not now. */
  freeze(): FrozenStore | undefined {
    if (this.isDropped) return undefined
    if (this.#frozen) return this.#frozen
    if (this.#live.rowCount === 0 || !this.host.mayFreeze) return undefined
    this.#frozen = {
      store: this.#live,
      changes: this.#changes.detach(this.#live),
      generation: this.#liveGeneration,
      cut: this.host.lastAppliedOp,
    }
    this.#liveGeneration++
    this.#live = this.#newStore()
    this.#stores = [this.#live, this.#frozen.store]
    this.#liveSinceMs = this.host.monotonicMs
    this.#changed()
    return this.#frozen
  }

  /**
   * Freezes the changes of a rowset's rows, or finds them frozen by an attempt that failed. Undefined: there are none, or
   * not now, as others work on the rowset. `by`: the caller has claimed it for more than a flush.
   */
  freezeChanges(rowset: DiskRowSet, by?: RowSetClaim): FrozenChanges | undefined {
    if (this.isDropped || !(by?.rowsets.includes(rowset) || this.claims.allows('flush', rowset))) return undefined
    const before = this.#frozenChanges.get(rowset)
    if (before) return before
    if (!this.#changes.of(rowset) || !this.host.mayFreeze) return undefined
    const store = this.#changes.detach(rowset) as DeltaMemStore
    const frozen = { rowset, store, cut: this.host.lastAppliedOp }
    this.#frozenChanges.set(rowset, frozen)
    this.#changed()
    return frozen
  }

  /** Prepares for rows to move from some rowsets to others: changes that come meanwhile go with them. */
  beginCarryOver(outputs: readonly DiskRowSet[]): CarryOver {
    return new CarryOver({ schema: this.schema, outputs, append: (output, block) => this.#changes.append(output, block) })
  }

  /** The stores that take changes of these rowsets now. */
  changesOfAll(holders: readonly RowHolder[]): DeltaMemStore[] {
    return holders.flatMap((holder) => this.#changes.of(holder) ?? [])
  }

  /** The job whose outputs these would have been has failed: what was carried over to them is not needed. */
  cancelCarryOver(outputs: readonly DiskRowSet[]): void {
    for (const output of outputs) this.#changes.drop(output)
  }

  /** In one tick: the frozen store goes, the rowsets that hold its rows come, with the changes that came meanwhile. */
  installFlush(frozen: FrozenStore, rowsets: readonly DiskRowSet[], state: TabletState, carry: CarryOver): void {
    invariant(this.#frozen === frozen, 'only the frozen store is installed')
    carry.finish(this.changesOfAll([frozen.store]))
    this.#frozen = undefined
    this.#stores = [this.#live]
    this.#disk = this.#disk.with(rowsets)
    this.#state = state
    this.#changes.drop(frozen.store)
    this.#settle(carry)
    frozen.changes?.release()
    frozen.store.release()
    this.#changed()
  }

  /** In one tick: some rowsets go, those that hold their rows come, with the changes that came meanwhile. */
  installRowSets(o: { removed: readonly DiskRowSet[]; added: readonly DiskRowSet[]; state: TabletState; carry: CarryOver }): void {
    o.carry.finish(this.changesOfAll(o.removed))
    this.#disk = this.#disk.without(o.removed).with(o.added)
    this.#state = o.state
    for (const rowset of o.removed) {
      invariant(!this.#frozenChanges.has(rowset), 'a rowset was replaced while its changes were being flushed')
      this.#changes.drop(rowset)
    }
    this.#settle(o.carry)
    for (const rowset of o.removed) rowset.release()
    this.#changed()
  }

  /** In one tick: a rowset's base file is another one; its rows keep their ids. */
  replaceRowSet(before: DiskRowSet, after: DiskRowSet, state: TabletState): void {
    this.#disk = this.#disk.without([before]).with([after])
    this.#state = state
    const frozen = this.#frozenChanges.get(before)
    if (frozen) {
      this.#frozenChanges.delete(before)
      this.#frozenChanges.set(after, { ...frozen, rowset: after })
    }
    this.#changes.move(before, after)
    before.release()
    this.#changed()
  }

  /** In one tick: frozen changes are in a file, which the rowset reads from now on. `install` makes it do so. */
  installChanges(frozen: FrozenChanges, state: TabletState, install: () => void): void {
    invariant(this.#frozenChanges.get(frozen.rowset) === frozen, 'only frozen changes are installed')
    this.#frozenChanges.delete(frozen.rowset)
    this.#state = state
    install()
    frozen.store.release()
    this.#changed()
  }

  /** Delta files of a rowset were replaced. */
  setState(state: TabletState): void {
    this.#state = state
    this.#changed()
  }

  /** Changes of rows that no rowset holds any more: a key that is given life again begins anew in the live store, and other changes follow it there. */
  #settle({ homeless }: CarryOver): void {
    for (const change of homeless) {
      const { op, timestamp, opId, values, positions, keys, hashes } = change
      const located = locateRows([this.#live], [], keys, hashes, new LookupMisses())
      invariant(located, 'what is in memory is found at once')
      for (const { holder, indexes, rows } of located.held) {
        const block = indexes.length === keys.count ? values : gatherBlock(values, indexes)
        this.#changes.append(holder, { op, timestamp, opId, rows, values: block, positions })
      }
      const absent = located.absent ?? (located.held.length === 0 ? undefined : new Int32Array(0))
      if (op !== 'live' || absent?.length === 0) continue
      if (absent === undefined) this.#live.append(values, keys, hashes, { timestamp, opId })
      else this.#live.append(values, keys, hashes, { timestamp, opId, selection: absent })
    }
  }

  /** The edit that drops the table, or changes its schema, is on its way: nothing may begin any more. */
  beginEnd(how: 'being dropped' | 'being altered'): void {
    this.#end = how
  }

  /** That edit could not be written. */
  cancelEnd(): void {
    this.#end = 'no'
  }

  /** The tablet of the same rows under another schema, which is to take the place of this one. Nothing is in memory, and nothing writes or runs. */
  successor(schema: TableSchema): Tablet {
    invariant(this.#end === 'being altered' && this.oldestOpId === undefined, 'a table is altered while nothing of it is in memory')
    const rowsets = this.#disk.rowsets.map((rowset) => rowset.withSchema(schema))
    const next = new Tablet({ schema, ordinal: this.ordinal, host: this.host, rowsets, state: this.#state })
    next.skipGenerations(this.#liveGeneration - 1)
    return next
  }

  /** Its successor has taken its place. Reads that have begun go on here, until `drop`. */
  supersede(): void {
    this.#end = 'altered'
    this.claims.end()
  }

  /** Lets go of everything; scans that hold pins go on, and the files go once the last of them has ended. */
  drop(): void {
    this.#end = 'gone'
    for (const rowset of this.#disk.rowsets) rowset.release()
    this.#disk = RowSetTree.of<DiskRowSet>([])
    this.close()
  }

  /** Lets go of memory; files stay. */
  close(): void {
    this.#cached?.release()
    this.#changes.clear()
    for (const { store } of this.#frozenChanges.values()) store.release()
    this.#frozenChanges.clear()
    this.#frozen?.changes?.release()
    for (const store of this.#stores) store.release()
    this.#frozen = undefined
    this.#live = this.#newStore()
    this.#stores = [this.#live]
    this.#changed()
  }

  #newStore(): MemRowSet {
    return new MemRowSet({ schema: this.schema, generation: this.#liveGeneration, chunks: this.host.chunks })
  }
}
