import type { CachedRows, RowCache, RowCacheStats, TableSchema } from '../../src/plugin.ts'
import { largestOf, ShardedRows, type Shared } from './sharded-rows.ts'

/** Keeps the rows read last, whole, within a bound of bytes. */
export class ClockRowCache implements RowCache {
  readonly name = 'clock-row-cache'
  readonly #shared: Shared

  /** TypeError for a capacity that is no number of at least 0. */
  constructor(o: { readonly capacityBytes: number }) {
    const capacityBytes = requireCapacity(o.capacityBytes)
    this.#shared = { capacityBytes, usedBytes: 0, hits: 0, misses: 0, inserted: 0, evicted: 0, entries: 0, tablets: new Set() }
  }

  get capacityBytes(): number {
    return this.#shared.capacityBytes
  }

  get usedBytes(): number {
    return this.#shared.usedBytes
  }

  resize(capacityBytes: number): void {
    const shared = this.#shared
    shared.capacityBytes = requireCapacity(capacityBytes)
    // Of rows that nearly all have to go, it would take long to keep some.
    const keepsSome = shared.usedBytes <= capacityBytes * 4
    while (shared.usedBytes > capacityBytes) {
      const largest = largestOf(shared.tablets)
      if (keepsSome) largest?.halveNext()
      else largest?.evictAll()
    }
  }

  open(schema: TableSchema): CachedRows {
    return new ShardedRows(schema, this.#shared)
  }

  stats(): RowCacheStats {
    const { hits, misses, inserted, evicted, entries } = this.#shared
    return { hits, misses, inserted, evicted, entries }
  }
}

function requireCapacity(capacityBytes: number): number {
  if (capacityBytes >= 0 && Number.isFinite(capacityBytes)) return capacityBytes
  throw new TypeError(`The capacity of a row cache must be a number of bytes from 0, not ${capacityBytes}.`)
}
