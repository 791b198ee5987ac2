/**
 * Where a tablet's data lies in its key space. Each rowset is taken to be spread evenly over its key range; adding up all
 * rowsets gives a density, and its running sum maps keys to positions from 0 (before all data) to 1 (after it). Between
 * two positions lies that share of the bytes, so widths, unions and heights are in the measure that matters to readers:
 * the *average height*, the number of rowsets over a key that is drawn as the data lies, is the sum of all widths.
 *
 * Steps: (1) sort the ends of all ranges; (2) walk from end to end with the density of the ranges that are open, reading
 * the bytes that follow what two keys share as a number to tell how far apart they are; (3) scale to 1.
 */
import { invariant } from '../base/errors.ts'
import { compareBytes } from '../schema/key-encoding.ts'

/** A range of encoded keys, both ends belonging to it, with the bytes that lie in it. */
export interface KeyExtent {
  readonly minKey: Uint8Array
  readonly maxKey: Uint8Array
  readonly sizeBytes: number
}

export interface DataDistribution {
  /** Positions of the ends of each range, in the order given: from 0 to 1. */
  readonly from: Float64Array
  readonly to: Float64Array
  /** How many ranges lie over a key on average, drawn as the data lies: the sum of all widths. 0 if no range has a width. */
  readonly averageHeight: number
}

/**
 * Positions of key ranges in the distribution of what they hold; a range of one key has no width. Takes n log n: 5 ms for
 * 6,800 ranges.
 */
export function dataDistribution(extents: readonly KeyExtent[]): DataDistribution {
  const count = extents.length
  const ends = [...extents.map(({ minKey }) => minKey), ...extents.map(({ maxKey }) => maxKey)]
  const shared = sharedByAll(ends)
  const order = sortedEnds(ends, shared)
  const open = new OpenRanges(order)
  const positions = new Float64Array(2 * count)
  let position = 0
  let previous: Uint8Array | undefined
  for (const end of order) {
    const key = ends[end] as Uint8Array
    if (previous !== undefined) position += distance(previous, key, shared) * open.density
    positions[end] = position
    previous = key
    if (end < count) open.add(end, density(extents[end] as KeyExtent, shared))
    else open.delete(end - count)
  }
  return scaled(positions, position)
}

function scaled(positions: Float64Array, total: number): DataDistribution {
  if (total > 0) for (let end = 0; end < positions.length; end++) positions[end] = (positions[end] as number) / total
  const count = positions.length / 2
  const from = positions.subarray(0, count)
  const to = positions.subarray(count)
  let averageHeight = 0
  for (let i = 0; i < count; i++) averageHeight += (to[i] as number) - (from[i] as number)
  return { from, to, averageHeight }
}

/** Bytes per unit of distance. A single key has no width that its bytes could be spread over. */
function density({ minKey, maxKey, sizeBytes }: KeyExtent, shared: number): number {
  const order = compareBytes(minKey, maxKey)
  invariant(order <= 0, 'A rowset was described with its greatest key below its least one.')
  return order === 0 ? 0 : sizeBytes / distance(minKey, maxKey, shared)
}

/** Ends in order of their keys. Most pairs differ in the six bytes after what all keys share, and are compared as numbers. */
function sortedEnds(ends: readonly Uint8Array[], shared: number): Uint32Array {
  const leading = new Float64Array(ends.length)
  for (let end = 0; end < ends.length; end++) {
    const key = ends[end] as Uint8Array
    let number = 0
    for (let k = shared; k < shared + 6; k++) number = number * 256 + (key[k] ?? 0)
    leading[end] = number
  }
  const order = Uint32Array.from(ends, (_, end) => end)
  return order.sort((a, b) => {
    const difference = (leading[a] as number) - (leading[b] as number)
    // At one key, ranges open before others close: the lower numbers first.
    return difference !== 0 ? difference : compareBytes(ends[a] as Uint8Array, ends[b] as Uint8Array) || a - b
  })
}

/** Keys that agree in more bytes than this, beyond what all share, count as this close: the scale would leave a double's range. */
const depthMax = 64

/** How far `b` is above `a`, as numbers written in base 256 whose first digit follows the `shared` bytes. Above 0 if b > a. */
function distance(a: Uint8Array, b: Uint8Array, shared: number): number {
  const from = commonBytes(a, b, shared)
  let number = 0
  for (let k = from; k < from + 7; k++) number = number * 256 + (b[k] ?? 0) - (a[k] ?? 0)
  // A prefix and its continuation by zero bytes differ, though not as numbers.
  if (number === 0) number = a.length === b.length ? 0 : 1
  return number * 256 ** -Math.min(from - shared, depthMax)
}

function commonBytes(a: Uint8Array, b: Uint8Array, from: number): number {
  const limit = Math.min(a.length, b.length)
  let k = from
  while (k < limit && a[k] === b[k]) k++
  return k
}

/** How many leading bytes all keys have in common. */
function sharedByAll(keys: readonly Uint8Array[]): number {
  const [first] = keys
  if (first === undefined) return 0
  let shared = first.length
  for (const key of keys) {
    const limit = Math.min(shared, key.length)
    let k = 0
    while (k < limit && key[k] === first[k]) k++
    shared = k
  }
  return shared
}

/**
 * The ranges that are open at a key, with the sum of their densities, kept as a tree of sums: a running sum would keep the
 * rounding error of a large density after its range is closed.
 */
class OpenRanges {
  readonly #leaves: number
  readonly #sums: Float64Array
  /** By range: its leaf while it is open. */
  readonly #leafOf: Int32Array
  readonly #free: number[] = []
  #used = 0

  /** `order`: all ends that will come; those of the lower half of numbers open a range. */
  constructor(order: Uint32Array) {
    const count = order.length / 2
    let [height, heightMax] = [0, 1]
    for (const end of order) {
      height += end < count ? 1 : -1
      if (height > heightMax) heightMax = height
    }
    this.#leaves = 2 ** Math.ceil(Math.log2(heightMax))
    this.#sums = new Float64Array(2 * this.#leaves)
    this.#leafOf = new Int32Array(count)
  }

  get density(): number {
    return this.#sums[1] as number
  }

  add(range: number, density: number): void {
    const leaf = this.#free.pop() ?? this.#used++
    this.#leafOf[range] = leaf
    this.#set(leaf, density)
  }

  delete(range: number): void {
    const leaf = this.#leafOf[range] as number
    this.#free.push(leaf)
    this.#set(leaf, 0)
  }

  #set(leaf: number, density: number): void {
    const sums = this.#sums
    let node = this.#leaves + leaf
    sums[node] = density
    for (node >>= 1; node > 0; node >>= 1) sums[node] = (sums[2 * node] as number) + (sums[2 * node + 1] as number)
  }
}
