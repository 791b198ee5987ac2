import { grownIntegers } from './grown-arrays.ts'

const tableSizeMax = 1 << 22

/**
 * Numbers the different pairs of two numbers in the order in which they are met. While the product of both counts is
 * small, pairs are looked up in an array, else in a hash table.
 */
export class PairIds {
  count = 0
  #firsts = new Int32Array(64)
  #seconds = new Int32Array(64)
  /** `first × stride + second` → pair; while it fits. Else undefined, for good. */
  #table: Int32Array | undefined = new Int32Array(64).fill(-1)
  #stride = 8
  #slots = new Int32Array(0)

  firstOf(pair: number): number {
    return this.#firsts[pair] as number
  }

  secondOf(pair: number): number {
    return this.#seconds[pair] as number
  }

  /** Writes the numbers of `count` pairs to `out`, which may be one of the inputs; these are below `firstCount` and `secondCount`. */
  assign(firsts: Int32Array, seconds: Int32Array, count: number, out: Int32Array, o: { firstCount: number; secondCount: number }): void {
    if (this.#table) this.#fitTable(o.firstCount, o.secondCount)
    if (this.#table) this.#assignByTable(this.#table, firsts, seconds, count, out)
    else this.#assignByHash(firsts, seconds, count, out)
  }

  #assignByTable(table: Int32Array, firsts: Int32Array, seconds: Int32Array, count: number, out: Int32Array): void {
    for (let k = 0; k < count; k++) {
      k = lookUpPairs(table, this.#stride, firsts, seconds, k, count, out)
      if (k === count) return
      const first = firsts[k] as number
      const second = seconds[k] as number
      const pair = this.#add(first, second)
      table[first * this.#stride + second] = pair
      out[k] = pair
    }
  }

  #assignByHash(firsts: Int32Array, seconds: Int32Array, count: number, out: Int32Array): void {
    for (let k = 0; k < count; k++) {
      const first = firsts[k] as number
      const second = seconds[k] as number
      const mask = this.#slots.length - 1
      let slot = hashPair(first, second) & mask
      let pair = this.#slots[slot] as number
      while (pair >= 0 && (this.#firsts[pair] !== first || this.#seconds[pair] !== second)) {
        slot = (slot + 1) & mask
        pair = this.#slots[slot] as number
      }
      if (pair < 0) {
        pair = this.#add(first, second)
        this.#slots[slot] = pair
        if (this.count * 2 > this.#slots.length) this.#rehash()
      }
      out[k] = pair
    }
  }

  #add(first: number, second: number): number {
    const pair = this.count++
    this.#firsts = grownIntegers(this.#firsts, this.count)
    this.#seconds = grownIntegers(this.#seconds, this.count)
    this.#firsts[pair] = first
    this.#seconds[pair] = second
    return pair
  }

  #fitTable(firstCount: number, secondCount: number): void {
    const table = this.#table as Int32Array
    if (secondCount <= this.#stride && firstCount * this.#stride <= table.length) return
    let stride = this.#stride
    while (stride < secondCount) stride *= 2
    let size = table.length
    while (size < firstCount * stride) size *= 2
    if (size > tableSizeMax) {
      this.#table = undefined
      this.#rehash()
      return
    }
    const grown = new Int32Array(size).fill(-1)
    for (let pair = 0; pair < this.count; pair++) grown[(this.#firsts[pair] as number) * stride + (this.#seconds[pair] as number)] = pair
    this.#table = grown
    this.#stride = stride
  }

  #rehash(): void {
    let size = 1024
    while (size < this.count * 4) size *= 2
    const slots = new Int32Array(size).fill(-1)
    for (let pair = 0; pair < this.count; pair++) {
      let slot = hashPair(this.#firsts[pair] as number, this.#seconds[pair] as number) & (size - 1)
      while ((slots[slot] as number) >= 0) slot = (slot + 1) & (size - 1)
      slots[slot] = pair
    }
    this.#slots = slots
  }
}

/** The place of the first pair, from the k-th on, that has no number yet, else `count`; numbers of those before go to `out`. */
function lookUpPairs(
  table: Int32Array,
  stride: number,
  firsts: Int32Array,
  seconds: Int32Array,
  from: number,
  count: number,
  out: Int32Array,
): number {
  for (let k = from; k < count; k++) {
    const pair = table[(firsts[k] as number) * stride + (seconds[k] as number)] as number
    if (pair < 0) return k
    out[k] = pair
  }
  return count
}

function hashPair(first: number, second: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
