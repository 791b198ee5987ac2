import { z } from 'zod'
import { BlockCache, byteSize, definePlugin, Lifecycle, MemoryBudget, MemoryConsumer } from '../../src/plugin.ts'
import { fitToBudget, initialCapacityBytes } from './fit-to-budget.ts'
import { LruBlockCache } from './lru-block-cache.ts'

export { LruBlockCache, type LruBlockCacheOptions } from './lru-block-cache.ts'

const options = z.strictObject({
  /** The most that cached blocks may take: '64MiB'; three tenths of `memory.limit` if absent. */
  capacity: byteSize(0).optional(),
})

/** Provides the block cache, counts it against the memory limit, and makes it give way to write buffers. */
export const lruBlockCache = definePlugin({
  name: 'lru-block-cache',
  options,
  provides: [BlockCache],
  contributes: [MemoryConsumer, Lifecycle],
  bind(module, { capacity }) {
    module.provide(BlockCache, [MemoryBudget], (memory) => new LruBlockCache({ capacityBytes: initialCapacityBytes(memory, capacity) }))
    module.contribute(
      MemoryConsumer,
      [BlockCache],
      (cache): MemoryConsumer => ({
        name: cache.name,
        kind: 'cache',
        get usedBytes() {
          return cache.usedBytes
        },
      }),
    )
    module.contribute(Lifecycle, [BlockCache, MemoryBudget], (cache, memory) => {
      let fitting: Disposable | undefined
      return {
        start() {
          fitting = fitToBudget(cache, memory)
        },
        stop() {
          fitting?.[Symbol.dispose]()
        },
      }
    })
  },
})

export default lruBlockCache
