import type { KeyBlock } from '../schema/column-vector.ts'
import { compareKeys } from '../schema/key-encoding.ts'

/** Slots of an open-addressed table: the index of a key and 1 more; used again by every call. */
let scratch = new Int32Array(4096)

/**
 * The first index whose key stood at a lower index of the same block already; −1: all keys differ. Keys that ascend, as
 * they do in most loads, are only compared with their neighbours.
 */
export function firstDuplicate(keys: KeyBlock, hashes: Uint32Array): number {
  let i = 1
  while (i < keys.count && compareKeys(keys, i - 1, keys, i) < 0) i++
  return i >= keys.count ? -1 : firstDuplicateByHash(keys, hashes)
}

function firstDuplicateByHash(keys: KeyBlock, hashes: Uint32Array): number {
  const { count } = keys
  while (scratch.length < count * 2) scratch = new Int32Array(scratch.length * 2)
  const mask = (1 << (32 - Math.clz32(count * 2 - 1))) - 1
  const slots = scratch.fill(0, 0, mask + 1)
  for (let i = 0; i < count; i++) {
    const hash = hashes[i] as number
    let at = hash & mask
    for (let entry = slots[at] as number; entry !== 0; entry = slots[at] as number) {
      if (hashes[entry - 1] === hash && compareKeys(keys, entry - 1, keys, i) === 0) return i
      at = (at + 1) & mask
    }
    slots[at] = i + 1
  }
  return -1
}
