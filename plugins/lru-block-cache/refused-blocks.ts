/** Generations hold no more blocks than this, however small the blocks. */
const blocksMax = 16_384

/**
 * How often a full cache turned a block away lately, while it turned away about twice as many bytes as it holds. Two
 * generations of fingerprints, the older of which is forgotten as a whole. A block taken for another one is kept too early:
 * that does no harm.
 */
export class RefusedBlocks {
  #newer = new Map<number, number>()
  #older = new Map<number, number>()
  #newerBytes = 0

  /**
   * Whether the block comes for the `times`th time; forgets it then, or else counts it. `generationBytes`: half of the bytes
   * of blocks that are remembered.
   */
  comesAgain(file: number, block: number, o: { times: number; sizeBytes: number; generationBytes: number }): boolean {
    const print = fingerprint(file, block)
    const count = (this.#newer.get(print) ?? this.#older.get(print) ?? 0) + 1
    this.#older.delete(print)
    if (count >= o.times) {
      this.#newer.delete(print)
      return true
    }
    this.#newer.set(print, count)
    this.#newerBytes += o.sizeBytes
    if (this.#newerBytes > o.generationBytes || this.#newer.size === blocksMax) {
      this.#older = this.#newer
      this.#newer = new Map()
      this.#newerBytes = 0
    }
    return false
  }
}

/** 31 bits, so that maps hold it without a heap number. */
function fingerprint(file: number, block: number): number {
  const mixed = Math.imul(file ^ Math.imul(block, 0x9e3779b1), 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) >>> 1
}
