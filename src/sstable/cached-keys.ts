import type { KeyBlock } from '../schema/column-vector.ts'
import { compareKeys, hashKeys } from '../schema/key-encoding.ts'
import type { CacheableBlock } from './block-cache.ts'

/** Groups of more rows are searched by halving: a slot has 16 bits for a row. */
const indexedRowsMax = 0xffff

/**
 * The encoded keys of a row group as the block cache holds them. They are worked out from the key columns, never stored.
 *
 * The first search makes an index of them: open addressing at half load, each slot the row + 1 in its low 16 bits and
 * bits of the key's hash in the high ones. So a look-up touches two places in memory, where halving touches a dozen.
 */
export class CachedKeys implements CacheableBlock {
  readonly keys: KeyBlock
  readonly byteLength: number
  #slots: Uint32Array | undefined

  constructor(keys: KeyBlock) {
    this.keys = keys
    const keyBytes = keys.form === 'fixed' ? keys.words.buffer.byteLength : keys.offsets.buffer.byteLength + keys.bytes.buffer.byteLength
    this.byteLength = 128 + keyBytes + (keys.count <= indexedRowsMax ? 4 * slotCount(keys.count) : 0)
  }

  /** Whether `find` can be used. */
  get isSearchable(): boolean {
    return this.keys.count <= indexedRowsMax
  }

  /** The index of key j of `probe`, whose hash is given, or −1. */
  find(probe: KeyBlock, j: number, hash: number): number {
    const slots = this.#slots ?? this.#index()
    const mask = slots.length - 1
    const tag = hash >>> 16
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = slots[at] as number
      if (slot === 0) return -1
      if (slot >>> 16 === tag && compareKeys(this.keys, (slot & 0xffff) - 1, probe, j) === 0) return (slot & 0xffff) - 1
    }
  }

  #index(): Uint32Array {
    const slots = new Uint32Array(slotCount(this.keys.count))
    const mask = slots.length - 1
    const hashes = hashKeys(this.keys)
    for (let i = 0; i < hashes.length; i++) {
      const hash = hashes[i] as number
      let at = hash & mask
      while (slots[at] !== 0) at = (at + 1) & mask
      slots[at] = (((hash >>> 16) << 16) | (i + 1)) >>> 0
    }
    this.#slots = slots
    return slots
  }
}

function slotCount(rowCount: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, rowCount * 2)))
}
