import type { Random } from '../../src/base/random.ts'
import type { MergeableRowSet } from '../../src/plugin.ts'

export interface RandomRowSetsOptions {
  readonly count: number
  readonly sizeBytesMax: number
  /** The greatest width, as a share of all keys. */
  readonly widthMax: number
  /** The share of rowsets of exactly the greatest size; the others are of any. */
  readonly fullShare?: number
}

/** Rowsets here and there among keys of eight bytes. */
export function randomRowSets(random: Random, { count, sizeBytesMax, widthMax, fullShare = 0.5 }: RandomRowSetsOptions): MergeableRowSet[] {
  return Array.from({ length: count }, () => {
    const width = random.next() * widthMax
    const from = random.next() * (1 - width)
    const sizeBytes = random.next() < fullShare ? sizeBytesMax : 1 + random.below(sizeBytesMax)
    return rowset({ from, to: from + width, sizeBytes })
  })
}

/** A rowset from one share of all keys to another. */
export function rowset(o: { from: number; to: number; sizeBytes: number; deadShare?: number; available?: boolean }): MergeableRowSet {
  const { from, to, sizeBytes, deadShare = 0, available = true } = o
  return { minKey: keyAt(from), maxKey: keyAt(to), sizeBytes, rowCount: 1000, deadRowCount: 1000 * deadShare, available }
}

function keyAt(share: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(Math.floor(share * 2 ** 53)))
  return key
}
