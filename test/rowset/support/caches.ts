import type { BlockCache, BlockCacheStats, CacheableBlock } from '../../../src/sstable/block-cache.ts'

const noStats: BlockCacheStats = { hits: 0, misses: 0, inserted: 0, evicted: 0, entries: 0 }

/** A cache that keeps everything. */
export class MapCache implements BlockCache {
  readonly name = 'map'
  readonly usedBytes = 0
  readonly capacityBytes = Number.POSITIVE_INFINITY
  private readonly blocks = new Map<string, CacheableBlock>()

  get size(): number {
    return this.blocks.size
  }

  get(file: number, block: number): CacheableBlock | undefined {
    return this.blocks.get(`${file}/${block}`)
  }

  set(file: number, block: number, bytes: CacheableBlock): void {
    this.blocks.set(`${file}/${block}`, bytes)
  }

  forgetFile(): void {
    this.blocks.clear()
  }

  resize(): void {
    throw new Error('not used here')
  }

  evict(): number {
    return 0
  }

  stats(): BlockCacheStats {
    return noStats
  }
}

/** A cache that has forgotten every block by the time somebody asks. */
export class ForgetfulCache extends MapCache {
  override get(): undefined {
    return undefined
  }
}
