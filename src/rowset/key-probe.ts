import type { KeyBlock } from '../schema/column-vector.ts'
import { compareKeyToBytes, findKey } from '../schema/key-encoding.ts'
import type { BloomFilter } from '../sstable/bloom-filter.ts'
import type { SSTableReader } from '../sstable/sstable-reader.ts'

/** Looks keys up in an SSTable, for jobs: asked in ascending order, each block of keys is read at most once. */
export class KeyProbe {
  readonly #reader: SSTableReader
  #filter: BloomFilter | undefined
  #group = -1
  #keys: KeyBlock | undefined

  /** The file is open. */
  constructor(reader: SSTableReader) {
    this.#reader = reader
  }

  /** The first of the keys, which ascend, that is in the file; −1 if none is. */
  async first(keys: KeyBlock, hashes: Uint32Array): Promise<number> {
    const reader = this.#reader
    if (compareKeyToBytes(keys, 0, reader.maxKey) > 0 || compareKeyToBytes(keys, keys.count - 1, reader.minKey) < 0) return -1
    this.#filter ??= await reader.loadFilter()
    for (let i = 0; i < keys.count; i++) {
      if (!this.#filter.mayContain(hashes[i] as number)) continue
      const group = reader.locateGroup(keys, i)
      if (group < 0) continue
      if (this.#keys === undefined || group !== this.#group) {
        this.#keys = await reader.loadKeys(group)
        this.#group = group
      }
      if (findKey(this.#keys, keys, i) >= 0) return i
    }
    return -1
  }
}
