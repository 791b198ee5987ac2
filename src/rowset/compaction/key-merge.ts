import type { KeyBlock } from '../../schema/column-vector.ts'
import { compareKeys } from '../../schema/key-encoding.ts'

/** Something with keys in ascending order, of which those from `at` on are still to come. */
export interface KeyedLane {
  readonly keys: KeyBlock
  readonly at: number
}

/** Lanes by their next key: a binary heap. Rows are taken in runs, so that lanes which hardly overlap cost hardly a comparison a row. */
export class KeyMerge<L extends KeyedLane> {
  private readonly heap: L[]

  constructor(lanes: readonly L[]) {
    this.heap = [...lanes]
    for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.sink(i)
  }

  /** The lane with the least key; undefined: none is left. */
  get first(): L | undefined {
    return this.heap[0]
  }

  /** Up to where the first lane's keys, at least one and at most `max` of them, come before those of all others. */
  runEnd(max: number): number {
    const { keys, at } = this.heap[0] as L
    const limit = Math.min(keys.count, at + max)
    const second = this.second()
    return second === undefined ? limit : lowerBoundFrom(keys, at + 1, limit, second)
  }

  /** The first lane has gone on. */
  moved(): void {
    this.sink(0)
  }

  /** The first lane is at its end. */
  removeFirst(): void {
    const last = this.heap.pop() as L
    if (this.heap.length === 0) return
    this.heap[0] = last
    this.sink(0)
  }

  private second(): L | undefined {
    return this.heap.length > 2 && this.isBefore(2, 1) ? this.heap[2] : this.heap[1]
  }

  private sink(at: number): void {
    const { heap } = this
    for (;;) {
      const left = 2 * at + 1
      if (left >= heap.length) return
      const first = left + 1 < heap.length && this.isBefore(left + 1, left) ? left + 1 : left
      if (!this.isBefore(first, at)) return
      const lane = heap[first] as L
      heap[first] = heap[at] as L
      heap[at] = lane
      at = first
    }
  }

  private isBefore(a: number, b: number): boolean {
    const one = this.heap[a] as L
    const other = this.heap[b] as L
    return compareKeys(one.keys, one.at, other.keys, other.at) < 0
  }
}

/** The first place in [from .. to) whose key is not below the lane's; `to` if none is. In growing strides, then by halving. */
function lowerBoundFrom(keys: KeyBlock, from: number, to: number, { keys: other, at }: KeyedLane): number {
  let low = from
  let stride = 1
  while (low + stride <= to && compareKeys(keys, low + stride - 1, other, at) < 0) {
    low += stride
    stride *= 2
  }
  let high = Math.min(low + stride - 1, to)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys(keys, middle, other, at) < 0) low = middle + 1
    else high = middle
  }
  return low
}
