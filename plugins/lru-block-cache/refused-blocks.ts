/** Generations hold no more blocks than this, however small the blocks. */
const blocksMax = 16_384

/**
 * Which blocks a full cache turned away lately: for about as long as it would have kept them if it were twice as large. Two
 * generations of fingerprints, the older of which is forgotten as a whole. A block taken for another one is kept too early:
 * that does no harm.
 */
export class RefusedBlocks {
  #newer = new Set<number>()
  #older = new Set<number>()
  #newerBytes = 0

  /** Whether the block was turned away before; forgets that, or else notes it. `windowBytes`: blocks of about so many bytes are remembered. */
  notedBefore(file: number, block: number, sizeBytes: number, windowBytes: number): boolean {
    const print = fingerprint(file, block)
    if (this.#newer.delete(print) || this.#older.delete(print)) return true
    this.#newer.add(print)
    this.#newerBytes += sizeBytes
    if (2 * this.#newerBytes > windowBytes || this.#newer.size === blocksMax) {
      this.#older = this.#newer
      this.#newer = new Set()
      this.#newerBytes = 0
    }
    return false
  }
}

/** 31 bits, so that sets hold it without a heap number. */
function fingerprint(file: number, block: number): number {
  const mixed = Math.imul(file ^ Math.imul(block, 0x9e3779b1), 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) >>> 1
}
