import { z } from 'zod'
import { BlockCache, byteSize, definePlugin, MemoryBudget } from '../../src/plugin.ts'
import { LruBlockCache } from './lru-block-cache.ts'

export { LruBlockCache, type LruBlockCacheOptions } from './lru-block-cache.ts'

const options = z.strictObject({
  /** The most that cached blocks may take: '64MiB'. If absent: all of `memory.limit` that write buffers leave. */
  capacity: byteSize(0).optional(),
})

/**
 * Provides the block cache. The engine counts it against the memory limit and resizes it as write buffers grow and are
 * flushed, whichever cache it is; `capacity` is the most that it is given.
 */
export const lruBlockCache = definePlugin({
  name: 'lru-block-cache',
  options,
  provides: [BlockCache],
  bind(module, { capacity }) {
    module.provide(
      BlockCache,
      [MemoryBudget],
      (memory) => new LruBlockCache({ capacityBytes: Math.min(capacity ?? memory.limitBytes, memory.limitBytes) }),
    )
  },
})

export default lruBlockCache
