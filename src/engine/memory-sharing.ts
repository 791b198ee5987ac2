import type { MemoryBudget } from '../maintenance/memory-budget.ts'
import type { ChunkPool } from '../rowset/chunk-pool.ts'
import type { BlockCache } from '../sstable/block-cache.ts'
import type { RowCache } from '../tablet/row-cache.ts'

/** The cache gives way, and takes memory back, in steps of this size. */
const stepBytes = 1 << 20

/**
 * Counts write buffers and cache against the memory limit, and lets the cache have what write buffers leave: its
 * capacity falls as they grow, and rises again when they are flushed. Returns what to call when they have changed.
 */
export function registerMemory(o: {
  memory: MemoryBudget
  cache: BlockCache
  rowCache: RowCache | undefined
  chunks: ChunkPool
}): () => void {
  const { memory, cache, rowCache, chunks } = o
  const wantedBytes = Math.min(cache.capacityBytes, memory.limitBytes)
  memory.register({
    name: 'write-buffers',
    kind: 'write-buffer',
    get usedBytes() {
      return chunks.usedBytes
    },
  })
  memory.register({
    name: cache.name,
    kind: 'cache',
    get usedBytes() {
      return cache.usedBytes
    },
  })
  if (rowCache) {
    memory.register({
      name: rowCache.name,
      kind: 'cache',
      get usedBytes() {
        return rowCache.usedBytes
      },
    })
  }
  return () => {
    const rowBytes = rowCache?.usedBytes ?? 0
    // Idle chunks stay resident, though nothing is held in them.
    const leftBytes = Math.max(stepBytes, Math.min(wantedBytes, memory.limitBytes - memory.heldBytes - chunks.idleBytes - rowBytes))
    if (Math.abs(leftBytes - cache.capacityBytes) >= stepBytes) cache.resize(leftBytes)
    memory.changed()
  }
}
