/** The rows of a tablet as a scan meets them: pinned at one moment, read later. */
import type { BatchSource, KeyRange } from '../rowset/batch-source.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { MemRowSet } from '../rowset/mem-rowset.ts'

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

/** Streams over one state of the tablet; `release` lets go of the stores and files they read. */
export interface PinnedStreams {
  readonly streams: readonly RowStream[]
  release(): void
}

/** Streams over these stores and rowsets as they are now. `released` is called once they have been let go of. */
export function pinStreams(
  o: StreamOptions,
  stores: readonly MemRowSet[],
  rowsets: readonly DiskRowSet[],
  released: () => void,
): PinnedStreams {
  const deltas = [...stores, ...rowsets].map((holder) => holder.deltas)
  for (const store of stores) store.retain()
  for (const rowset of rowsets) rowset.retain()
  for (const stack of deltas) stack.retain()
  const memory = stores.map((store): RowStream => {
    const scan = { ...o, rowCount: store.rowCount }
    const { deltas: changes } = store
    return { minKey: undefined, maxKey: undefined, prepare: () => store.prepareScan(scan), batches: () => store.batches(scan, changes) }
  })
  const disk = rowsets.map((rowset): RowStream => {
    const { minKey, maxKey, deltas: changes } = rowset
    return { minKey, maxKey, prepare: () => rowset.prepareScan(o), batches: () => rowset.batches(o, changes) }
  })
  let isReleased = false
  return {
    streams: [...memory, ...disk],
    release: () => {
      if (isReleased) return
      isReleased = true
      for (const store of stores) store.release()
      for (const rowset of rowsets) rowset.release()
      for (const stack of deltas) stack.release()
      released()
    },
  }
}
