import type { MemoryBudget } from '../maintenance/memory-budget.ts'
import type { ChunkPool } from '../rowset/chunk-pool.ts'
import type { BlockCache } from '../sstable/block-cache.ts'
import type { RowCache } from '../tablet/row-cache.ts'

/** The caches give way, and take memory back, in steps of this size. */
const stepBytes = 1 << 20
/** Of what write buffers leave, the most that rows may have: blocks serve scans and the look-ups of writes too. */
const rowShareMax = 1 / 2

/**
 * Counts write buffers and caches against the memory limit, and lets the caches have what write buffers leave: their
 * capacity falls as these grow, and rises again when they are flushed. Rows have what they want up to a share, blocks
 * what rows do not use. Returns what to call when write buffers or cached rows have changed.
 */
export function registerMemory(o: {
  memory: MemoryBudget
  cache: BlockCache
  rowCache: RowCache | undefined
  chunks: ChunkPool
}): () => void {
  const { memory, cache, rowCache, chunks } = o
  const wantedBytes = Math.min(cache.capacityBytes, memory.limitBytes)
  const rowsWantedBytes = Math.min(rowCache?.capacityBytes ?? 0, memory.limitBytes)
  memory.register({
    name: 'write-buffers',
    kind: 'write-buffer',
    get usedBytes() {
      return chunks.usedBytes
    },
  })
  for (const each of rowCache ? [cache, rowCache] : [cache]) {
    memory.register({
      name: each.name,
      kind: 'cache',
      get usedBytes() {
        return each.usedBytes
      },
    })
  }
  return () => {
    // Idle chunks stay resident, though nothing is held in them.
    const leftBytes = memory.limitBytes - memory.heldBytes - chunks.idleBytes
    if (rowCache) resizeBySteps(rowCache, Math.max(0, Math.min(rowsWantedBytes, Math.floor(leftBytes * rowShareMax))))
    resizeBySteps(cache, Math.max(stepBytes, Math.min(wantedBytes, leftBytes - (rowCache?.usedBytes ?? 0))))
    memory.changed()
  }
}

/** Small changes are not worth a resize. */
function resizeBySteps(cache: BlockCache | RowCache, bytes: number): void {
  if (Math.abs(bytes - cache.capacityBytes) >= stepBytes) cache.resize(bytes)
}
