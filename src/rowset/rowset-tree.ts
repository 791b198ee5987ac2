import type { KeyBlock } from '../schema/column-vector.ts'
import { compareBytes, compareKeys, compareKeyToBytes } from '../schema/key-encoding.ts'
import type { KeyRange } from './batch-source.ts'

/** What lies between two encoded keys, both included. */
export interface KeySpan {
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
}

/**
 * Which rowsets may hold a key, or overlap a range. Immutable: every version of a tablet has its own. An interval tree
 * in an array: spans in order of their lowest key, the middle one of a part is the root of its subtree and knows the
 * highest key in it. A question takes O(log n) steps and one for each hit.
 */
export class RowSetTree<T extends KeySpan> {
  /** By lowest key. */
  readonly rowsets: readonly T[]
  private readonly subtreeMax: Uint8Array[]

  private constructor(sorted: readonly T[]) {
    this.rowsets = sorted
    this.subtreeMax = new Array<Uint8Array>(sorted.length)
    this.build(0, sorted.length)
  }

  /** A tree of the given rowsets, in any order. */
  static of<T extends KeySpan>(rowsets: readonly T[]): RowSetTree<T> {
    return new RowSetTree([...rowsets].sort((a, b) => compareBytes(a.minKey, b.minKey)))
  }

  get size(): number {
    return this.rowsets.length
  }

  /** A tree with these rowsets too. */
  with(added: readonly T[]): RowSetTree<T> {
    return RowSetTree.of([...this.rowsets, ...added])
  }

  /** A tree without these rowsets. */
  without(removed: readonly T[]): RowSetTree<T> {
    const gone = new Set(removed)
    return new RowSetTree(this.rowsets.filter((rowset) => !gone.has(rowset)))
  }

  /** The rowsets that may hold an encoded key, by lowest key. */
  holding(key: Uint8Array): T[] {
    const found: T[] = []
    this.collect(0, this.rowsets.length, { lower: key, upper: key, upperIncluded: true }, found)
    return found
  }

  /** The rowsets that may hold key `index` of a block, by lowest key. */
  holdingKey(keys: KeyBlock, index: number): T[] {
    const found: T[] = []
    this.collectBetween(0, this.rowsets.length, keys, index, index, found)
    return found
  }

  /** The rowsets that overlap a range, by lowest key. */
  overlapping(range: KeyRange): T[] {
    const found: T[] = []
    this.collect(0, this.rowsets.length, { ...range, upperIncluded: false }, found)
    return found
  }

  /** The rowsets whose span overlaps that of the block's keys, by lowest key. */
  overlappingKeys(keys: KeyBlock): T[] {
    if (keys.count === 0 || this.size === 0) return []
    let low = 0
    let high = 0
    for (let i = 1; i < keys.count; i++) {
      if (compareKeys(keys, i, keys, high) > 0) high = i
      else if (compareKeys(keys, i, keys, low) < 0) low = i
    }
    const found: T[] = []
    this.collectBetween(0, this.rowsets.length, keys, low, high, found)
    return found
  }

  private build(low: number, high: number): Uint8Array | undefined {
    if (low >= high) return undefined
    const middle = (low + high) >>> 1
    let max = (this.rowsets[middle] as T).maxKey
    for (const side of [this.build(low, middle), this.build(middle + 1, high)])
      if (side !== undefined && compareBytes(side, max) > 0) max = side
    this.subtreeMax[middle] = max
    return max
  }

  private collect(low: number, high: number, o: KeyRange & { upperIncluded: boolean }, found: T[]): void {
    if (low >= high) return
    const middle = (low + high) >>> 1
    if (o.lower !== undefined && compareBytes(this.subtreeMax[middle] as Uint8Array, o.lower) < 0) return
    this.collect(low, middle, o, found)
    const rowset = this.rowsets[middle] as T
    if (o.upper !== undefined && compareBytes(rowset.minKey, o.upper) >= (o.upperIncluded ? 1 : 0)) return
    if (o.lower === undefined || compareBytes(rowset.maxKey, o.lower) >= 0) found.push(rowset)
    this.collect(middle + 1, high, o, found)
  }

  private collectBetween(low: number, high: number, keys: KeyBlock, first: number, last: number, found: T[]): void {
    if (low >= high) return
    const middle = (low + high) >>> 1
    if (compareKeyToBytes(keys, first, this.subtreeMax[middle] as Uint8Array) > 0) return
    this.collectBetween(low, middle, keys, first, last, found)
    const rowset = this.rowsets[middle] as T
    if (compareKeyToBytes(keys, last, rowset.minKey) < 0) return
    if (compareKeyToBytes(keys, first, rowset.maxKey) <= 0) found.push(rowset)
    this.collectBetween(middle + 1, high, keys, first, last, found)
  }
}
