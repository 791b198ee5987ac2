import type { KeyBlock } from '../schema/column-vector.ts'
import type { CacheableBlock } from './block-cache.ts'

/** The encoded keys of a row group as the block cache holds them. They are worked out from the key columns, never stored. */
export class CachedKeys implements CacheableBlock {
  readonly keys: KeyBlock
  readonly byteLength: number

  constructor(keys: KeyBlock) {
    this.keys = keys
    this.byteLength =
      128 + (keys.form === 'fixed' ? keys.words.buffer.byteLength : keys.offsets.buffer.byteLength + keys.bytes.buffer.byteLength)
  }
}
