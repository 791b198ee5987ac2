/**
 * The DeltaMemStores of a tablet that take changes: at most one for each rowset, made when its first row changes. The rowset
 * reads through it, and keeps it for as long as it does; this is where it is found to be written, frozen, and counted.
 */
import type { ChunkPool } from '../rowset/chunk-pool.ts'
import { DeltaMemStore } from '../rowset/delta-mem-store.ts'
import type { DeltaBlock } from '../rowset/row-changes.ts'
import type { KeyBlock, RowBlock } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { RowHolder } from './locate-rows.ts'

/** A change of rows that one rowset holds. */
export interface RowChange {
  readonly op: DeltaBlock['op']
  readonly holder: RowHolder
  readonly rowIds: Int32Array
  /** The columns at `positions`, key columns among them. */
  readonly rows: RowBlock
  readonly positions: readonly number[]
  readonly keys: KeyBlock
  readonly hashes: Uint32Array
}

export class LiveChanges {
  readonly #schema: TableSchema
  readonly #chunks: ChunkPool
  readonly #stores = new Map<RowHolder, DeltaMemStore>()

  constructor(schema: TableSchema, chunks: ChunkPool) {
    this.#schema = schema
    this.#chunks = chunks
  }

  /** Adds changes of rows that a rowset holds. */
  append(holder: RowHolder, block: DeltaBlock): void {
    let store = this.#stores.get(holder)
    if (!store) {
      store = new DeltaMemStore({ base: this.#schema, chunks: this.#chunks })
      this.#stores.set(holder, store)
      holder.addChanges(store)
    }
    store.append(block)
  }

  of(holder: RowHolder): DeltaMemStore | undefined {
    return this.#stores.get(holder)
  }

  /** The store takes no more changes: its rowset's next change begins another one. The reference goes to the caller. */
  detach(holder: RowHolder): DeltaMemStore | undefined {
    const store = this.#stores.get(holder)
    this.#stores.delete(holder)
    return store
  }

  /** The rowset is gone, or its changes have been carried over. */
  drop(holder: RowHolder): void {
    this.detach(holder)?.release()
  }

  /** Changes of rows of one rowset are those of another one with the same row ids. */
  move(from: RowHolder, to: RowHolder): void {
    const store = this.detach(from)
    if (!store) return
    this.#stores.set(to, store)
    to.addChanges(store)
  }

  get memoryBytes(): number {
    let bytes = 0
    for (const store of this.#stores.values()) bytes += store.usedBytes
    return bytes
  }

  /** The oldest op whose changes are here; Infinity: none. */
  get oldestOpId(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const store of this.#stores.values()) oldest = Math.min(oldest, store.oldestOpId ?? Number.POSITIVE_INFINITY)
    return oldest
  }

  /** The rowsets that have changes here. */
  holders(): RowHolder[] {
    return [...this.#stores.keys()]
  }

  clear(): void {
    for (const holder of this.holders()) this.drop(holder)
  }
}
