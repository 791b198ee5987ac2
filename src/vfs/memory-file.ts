import type { Random } from '../base/random.ts'

const sectorBytes = 512

/** A change that is not durable yet, as what is needed to undo it: bytes that were added, or bytes that were cut off. */
interface Change {
  readonly sequence: number
  added: number
  readonly removed: Uint8Array | undefined
}

/**
 * The content of a file in memory: what a reader sees, and a list of the changes since the last sync, from which a
 * power cut takes back some. Names are the directory's matter (`MemoryTree`).
 */
export class MemoryFile {
  /** Names of the file, and descriptors of it; it uses space until both are zero. */
  links = 0
  openCount = 0
  modifiedMs = 0
  #bytes = new Uint8Array(0)
  #length = 0
  #changes: Change[] = []
  #sequence = 0
  /** The last change may grow only until a sync has taken note of it. */
  #lastIsOpen = false

  get length(): number {
    return this.#length
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#put(bytes)
    const last = this.#changes.at(-1)
    if (last && this.#lastIsOpen) last.added += bytes.length
    else this.#changes.push({ sequence: ++this.#sequence, added: bytes.length, removed: undefined })
    this.#lastIsOpen = true
  }

  truncate(length: number): void {
    if (length === this.#length) return
    this.#changes.push({ sequence: ++this.#sequence, added: 0, removed: this.#bytes.slice(length, this.#length) })
    this.#lastIsOpen = false
    this.#length = length
  }

  /** A copy of at most `length` bytes from `offset`. */
  read(offset: number, length: number, room?: ArrayBuffer): Uint8Array {
    const start = Math.min(offset, this.#length)
    const end = Math.min(offset + length, this.#length)
    if (room === undefined) return this.#bytes.slice(start, end)
    const bytes = new Uint8Array(room, 0, end - start)
    bytes.set(this.#bytes.subarray(start, end))
    return bytes
  }

  /** Takes note of all changes so far, for `settle`. */
  mark(): number {
    this.#lastIsOpen = false
    return this.#sequence
  }

  /** Makes the changes up to a mark durable. */
  settle(mark: number): void {
    const first = this.#changes.findIndex((change) => change.sequence > mark)
    this.#changes.splice(0, first < 0 ? this.#changes.length : first)
    if (this.#changes.length === 0) this.#lastIsOpen = false
  }

  /** Flips bits of one byte, durably. */
  flip(offset: number, xor: number): void {
    this.#bytes[offset] = (this.#bytes[offset] ?? 0) ^ xor
  }

  /** The same content with the same changes outstanding. */
  clone(): MemoryFile {
    const copy = new MemoryFile()
    copy.modifiedMs = this.modifiedMs
    copy.#bytes = this.#bytes.slice(0, this.#length)
    copy.#length = this.#length
    copy.#changes = this.#changes.map((change) => ({ ...change }))
    copy.#sequence = this.#sequence
    copy.#lastIsOpen = this.#lastIsOpen
    return copy
  }

  /**
   * What a power cut leaves: all durable content; of the changes since, a random number of the first ones, the last of
   * them perhaps in part; and among bytes that were never synced perhaps a sector of zeroes or of garbage.
   */
  afterPowerCut(random: Random): MemoryFile {
    const left = this.clone()
    const changes = left.#changes
    const kept = chooseAmount(random, changes.length)
    const safe = left.#untouchedLength(kept)
    for (let i = changes.length - 1; i >= kept; i--) left.#undo(changes[i] as Change)
    const last = changes[kept - 1]
    if (last) left.#length -= chooseAmount(random, last.added)
    left.#changes = []
    left.#tear(random, Math.min(safe, left.#length))
    return left
  }

  #undo(change: Change): void {
    this.#length -= change.added
    if (change.removed) this.#put(change.removed)
  }

  /** How many bytes from the start are the same at the last sync and after each of the first `kept` changes since. */
  #untouchedLength(kept: number): number {
    let length = this.#length
    let shortest = Number.POSITIVE_INFINITY
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const { added, removed } = this.#changes[i] as Change
      if (removed && i < kept) shortest = Math.min(shortest, length)
      length += (removed?.length ?? 0) - added
    }
    return Math.min(shortest, length)
  }

  #tear(random: Random, safe: number): void {
    if (this.#length <= safe || random.below(2) === 0) return
    const lastSector = Math.floor((this.#length - 1) / sectorBytes)
    const firstSector = Math.floor(safe / sectorBytes)
    const sector = random.below(3) > 0 ? lastSector : firstSector + random.below(lastSector - firstSector + 1)
    const end = Math.min(this.#length, (sector + 1) * sectorBytes)
    const garbage = random.below(2) === 0
    for (let i = Math.max(safe, sector * sectorBytes); i < end; i++) this.#bytes[i] = garbage ? random.below(256) : 0
  }

  #put(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, 256))
      grown.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, this.#length)
    this.#length = length
  }
}

/** Nothing, everything, or anything between: the edges are where mistakes hide. */
function chooseAmount(random: Random, all: number): number {
  const choice = random.below(4)
  if (choice === 0) return 0
  if (choice === 1) return all
  return random.below(all + 1)
}
