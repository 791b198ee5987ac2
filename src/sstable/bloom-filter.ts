/**
 * A bloom filter over 32-bit hashes of keys, blocked: the six bits of a key lie within 512 bits, one cache line. So a
 * probe costs one miss. At 10 bits a key about 1 in 100 keys that are not there pass.
 * After Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters (2007).
 *
 * Line = ⌊hash × lines ÷ 2^32⌋. Bits: a = hash × 0x9e3779b1, b = (a ^ a >>> 15) × 0x85ebca6b, both modulo 2^32; bits
 * 23–31, 14–22 and 5–13 of each.
 */
import type { CacheableBlock } from './block-cache.ts'

const wordsPerLine = 16

export class BloomFilter implements CacheableBlock {
  readonly #words: Uint32Array
  readonly #lines: number

  /** Over the words of a filter, sixteen a line. */
  constructor(words: Uint32Array) {
    this.#words = words
    this.#lines = words.length / wordsPerLine
  }

  /** A filter for `count` keys, empty. */
  static sized(count: number, bitsPerKey: number): BloomFilter {
    return new BloomFilter(new Uint32Array(Math.max(1, Math.ceil((count * bitsPerKey) / 512)) * wordsPerLine))
  }

  get byteLength(): number {
    return this.#words.buffer.byteLength
  }

  get words(): Uint32Array {
    return this.#words
  }

  add(hashes: Uint32Array): void {
    const words = this.#words
    for (let i = 0; i < hashes.length; i++) {
      const hash = hashes[i] as number
      const line = Math.floor((hash * this.#lines) / 4294967296) * wordsPerLine
      const a = Math.imul(hash, 0x9e3779b1)
      const b = Math.imul(a ^ (a >>> 15), 0x85ebca6b)
      setBit(words, line, a >>> 23)
      setBit(words, line, (a >>> 14) & 511)
      setBit(words, line, (a >>> 5) & 511)
      setBit(words, line, b >>> 23)
      setBit(words, line, (b >>> 14) & 511)
      setBit(words, line, (b >>> 5) & 511)
    }
  }

  /** False: no key of this hash was added. */
  mayContain(hash: number): boolean {
    const words = this.#words
    const line = Math.floor((hash * this.#lines) / 4294967296) * wordsPerLine
    const a = Math.imul(hash, 0x9e3779b1)
    if (!hasBit(words, line, a >>> 23) || !hasBit(words, line, (a >>> 14) & 511) || !hasBit(words, line, (a >>> 5) & 511)) return false
    const b = Math.imul(a ^ (a >>> 15), 0x85ebca6b)
    return hasBit(words, line, b >>> 23) && hasBit(words, line, (b >>> 14) & 511) && hasBit(words, line, (b >>> 5) & 511)
  }
}

function setBit(words: Uint32Array, line: number, bit: number): void {
  const at = line + (bit >>> 5)
  words[at] = (words[at] as number) | (1 << (bit & 31))
}

function hasBit(words: Uint32Array, line: number, bit: number): boolean {
  return (((words[line + (bit >>> 5)] as number) >>> (bit & 31)) & 1) === 1
}
