import type { BytesVector } from '../schema/column-vector.ts'

/** Gives codes to the distinct values of a bytes vector, in order of first appearance, by open addressing. */
export class DistinctBytes {
  readonly #vector: BytesVector
  #mask = 1023
  #slots = new Int32Array(1024)
  #rows = new Uint32Array(512)
  #hashes = new Int32Array(512)
  #count = 0

  constructor(vector: BytesVector) {
    this.#vector = vector
  }

  get count(): number {
    return this.#count
  }

  /** Of each distinct value the row that it was met in first, by code. */
  rows(): Uint32Array {
    return this.#rows.subarray(0, this.#count)
  }

  firstRowOf(code: number): number {
    return this.#rows[code] as number
  }

  /** The code of the value in a row. */
  codeOf(row: number): number {
    const { bytes, offsets } = this.#vector
    const from = offsets[row] as number
    const to = offsets[row + 1] as number
    const hash = hashBytes(bytes, from, to)
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const slot = this.#slots[at] as number
      if (slot === 0) return this.#add(at, row, hash)
      if (this.#hashes[slot - 1] === hash && this.#equals(this.#rows[slot - 1] as number, from, to)) return slot - 1
    }
  }

  #equals(row: number, from: number, to: number): boolean {
    const { bytes, offsets } = this.#vector
    const start = offsets[row] as number
    if ((offsets[row + 1] as number) - start !== to - from) return false
    for (let i = from, k = start; i < to; i++, k++) if (bytes[i] !== bytes[k]) return false
    return true
  }

  #add(slot: number, row: number, hash: number): number {
    const code = this.#count++
    this.#rows[code] = row
    this.#hashes[code] = hash
    this.#slots[slot] = this.#count
    if (this.#count === this.#rows.length) this.#grow()
    return code
  }

  #grow(): void {
    const rows = new Uint32Array(this.#count * 2)
    rows.set(this.#rows)
    const hashes = new Int32Array(this.#count * 2)
    hashes.set(this.#hashes)
    this.#rows = rows
    this.#hashes = hashes
    this.#slots = new Int32Array(this.#count * 4)
    this.#mask = this.#slots.length - 1
    for (let code = 0; code < this.#count; code++) {
      let at = (hashes[code] as number) & this.#mask
      while (this.#slots[at] !== 0) at = (at + 1) & this.#mask
      this.#slots[at] = code + 1
    }
  }
}

/** FNV-1a, its bits mixed once more because the table uses the low ones. */
function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash ^ (hash >>> 15)
}
