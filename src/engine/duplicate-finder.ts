import type { KeyBlock } from '../schema/column-vector.ts'
import { compareKeys } from '../schema/key-encoding.ts'

interface Part {
  readonly keys: KeyBlock
  readonly firstRow: number
}

/**
 * Finds a key that comes twice within one write. Ascending keys need a comparison each; once the order breaks, rows go
 * into an open-addressing table of row numbers. One instance serves every write, so that small writes allocate nothing.
 */
export class DuplicateFinder {
  #table = new Int32Array(4096)
  #mask = 0
  #rowCount = 0
  #ascending = true
  #parts: Part[] = []
  #hashes: Uint32Array[] = []

  /** Forgets everything and makes room for a write of `rowCount` rows. */
  begin(rowCount: number): void {
    this.#mask = 2 ** Math.ceil(Math.log2(Math.max(rowCount, 8) * 2)) - 1
    this.#rowCount = 0
    this.#ascending = true
    this.#parts = []
    this.#hashes = []
  }

  /** The index in `keys` of the first key that came before, in this part or an earlier one; −1 if none did. */
  add(keys: KeyBlock, hashes: Uint32Array): number {
    const firstRow = this.#rowCount
    const before = this.#parts.at(-1)
    this.#parts.push({ keys, firstRow })
    this.#hashes.push(hashes)
    this.#rowCount += keys.count
    if (this.#ascending) {
      if (isAscending(before?.keys, keys)) return -1
      this.#ascending = false
      this.#clear()
      for (let part = 0; part < this.#parts.length - 1; part++) this.#insert(part)
    }
    return this.#insert(this.#parts.length - 1)
  }

  #clear(): void {
    if (this.#table.length <= this.#mask) this.#table = new Int32Array(this.#mask + 1)
    else this.#table.fill(0, 0, this.#mask + 1)
  }

  #insert(partIndex: number): number {
    const { keys, firstRow } = this.#parts[partIndex] as Part
    const hashes = this.#hashes[partIndex] as Uint32Array
    const table = this.#table
    const mask = this.#mask
    for (let i = 0; i < keys.count; i++) {
      let slot = (hashes[i] as number) & mask
      for (let row = table[slot] as number; row !== 0; row = table[slot] as number) {
        if (this.#equals(row - 1, keys, i)) return i
        slot = (slot + 1) & mask
      }
      table[slot] = firstRow + i + 1
    }
    return -1
  }

  #equals(row: number, keys: KeyBlock, i: number): boolean {
    let part = this.#parts.length - 1
    while ((this.#parts[part] as Part).firstRow > row) part--
    const { keys: other, firstRow } = this.#parts[part] as Part
    return compareKeys(other, row - firstRow, keys, i) === 0
  }
}

function isAscending(before: KeyBlock | undefined, keys: KeyBlock): boolean {
  if (before && before.count > 0 && keys.count > 0 && compareKeys(before, before.count - 1, keys, 0) >= 0) return false
  for (let i = 1; i < keys.count; i++) if (compareKeys(keys, i - 1, keys, i) >= 0) return false
  return true
}
