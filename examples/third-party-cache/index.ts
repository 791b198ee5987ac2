import { BlockCache, byteSize, definePlugin } from 'varve/plugin'
import { S3FifoBlockCache } from './s3-fifo-block-cache.ts'

export { S3FifoBlockCache } from './s3-fifo-block-cache.ts'

/** Provides the block cache, and so takes the place of the built-in `lru-block-cache`. */
export default definePlugin({
  name: 'third-party-cache',
  version: '1.0.0',
  options: { capacity: byteSize().default(64 * 1024 * 1024) },
  provides: [BlockCache],
  bind(module, { capacity }) {
    module.provide(BlockCache, [], () => new S3FifoBlockCache(capacity))
  },
})
