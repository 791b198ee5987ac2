import type { CachedRow, KeyBlock, RowImage } from '../../src/plugin.ts'
import { type RowLayout, shardBytes } from './row-layout.ts'

const noNumbers = new Float64Array(0)
const noWords = new Uint32Array(0)
const noBytes = new Uint8Array(0)
const noSlots = new Int32Array(2)

/**
 * Room for some of a tablet's cached rows. A row's numbers and its key lie side by side in one buffer, its strings in one
 * array; an open-addressed table, at most half full, leads from hashes to rows. So a look-up touches three places.
 *
 * Rows leave by CLOCK: a hand goes round, passing once over those read since it came by last. The room has one size for
 * good: more, or less, is another shard that the rows are copied to.
 */
export class RowShard {
  /** How many leading bits all hashes of its rows share. */
  readonly depth: number
  /** The rows there is room for: 0 or a power of two. */
  readonly capacity: number
  rowCount = 0
  /** Bytes of strings, buffers and variable keys. */
  valueBytes = 0
  readonly #layout: RowLayout
  readonly #image: RowImage
  readonly #doublesPerRow: number
  readonly #valuesPerRow: number
  readonly #numbers: Float64Array
  /** The same buffer. Of a row: its numbers, its hash, its key. Of a place that a row has left: the next such place + 1, instead of the hash. */
  readonly #words: Uint32Array
  readonly #values: unknown[]
  readonly #nulls: Uint8Array
  /** 0: no row, 1: a row, 2: a row that was read since the hand came by. */
  readonly #states: Uint8Array
  /** Pairs: row + 1 (0: empty), hash. */
  readonly #slots: Int32Array
  /** The first place that a row has left + 1; 0: none. */
  #freed = 0
  /** The first place that never had a row. */
  #untouched = 0
  #hand = 0

  constructor(layout: RowLayout, o: { readonly capacity: number; readonly depth: number }) {
    const { image, doublesPerRow, valuesPerRow } = layout
    const { capacity } = o
    this.depth = o.depth
    this.capacity = capacity
    this.#layout = layout
    this.#image = image
    this.#doublesPerRow = doublesPerRow
    this.#valuesPerRow = valuesPerRow
    this.#numbers = capacity === 0 ? noNumbers : new Float64Array(capacity * doublesPerRow)
    this.#words = capacity === 0 ? noWords : new Uint32Array(this.#numbers.buffer)
    this.#values = new Array<unknown>(capacity * valuesPerRow).fill(null)
    this.#nulls = capacity === 0 ? noBytes : new Uint8Array(capacity * image.nullsPerRow)
    this.#states = capacity === 0 ? noBytes : new Uint8Array(capacity)
    this.#slots = capacity === 0 ? noSlots : new Int32Array(capacity * 4)
  }

  get usedBytes(): number {
    return shardBytes(this.#layout, this.capacity) + this.valueBytes
  }

  get isFull(): boolean {
    return this.rowCount === this.capacity
  }

  get(keys: KeyBlock, i: number, hash: number): CachedRow | undefined {
    const row = this.#find(keys, i, hash)
    if (row < 0) return undefined
    if (this.#states[row] !== 2) this.#states[row] = 2
    const image = this.#image
    return image.read(
      this.#numbers,
      row * this.#doublesPerRow,
      this.#values,
      row * this.#valuesPerRow,
      this.#nulls,
      row * image.nullsPerRow,
    )
  }

  /** Takes in a row that is not here. There is room. */
  put(keys: KeyBlock, i: number, hash: number, value: CachedRow): void {
    const { image, wordsPerKey } = this.#layout
    const row = this.#take()
    const v = row * this.#valuesPerRow
    image.write(value, this.#numbers, row * this.#doublesPerRow, this.#values, v, this.#nulls, row * image.nullsPerRow)
    const w = this.#wordsOf(row)
    if (keys.form === 'fixed') for (let k = 0; k < wordsPerKey; k++) this.#words[w + 1 + k] = keys.words[i * wordsPerKey + k] as number
    else this.#values[v + image.valuesPerRow] = this.#layout.keyText(keys, i)
    this.#settle(row, hash, 1)
  }

  /** Forgets a key; whether it was here. */
  delete(keys: KeyBlock, i: number, hash: number): boolean {
    const row = this.#find(keys, i, hash)
    if (row < 0) return false
    this.#remove(row)
    return true
  }

  /** Forgets the row whose turn it is. There is one. */
  evict(): void {
    for (;;) {
      const row = this.#hand
      this.#hand = row + 1 === this.capacity ? 0 : row + 1
      const state = this.#states[row]
      if (state === 2) this.#states[row] = 1
      else if (state === 1) {
        this.#remove(row)
        return
      }
    }
  }

  /** The same rows in other room: as many as it takes, those first that the hand would pass over. */
  resized(capacity: number): RowShard {
    const copy = new RowShard(this.#layout, { capacity, depth: this.depth })
    for (const state of [2, 1]) {
      for (let row = 0; row < this.capacity && !copy.isFull; row++) if (this.#states[row] === state) copy.#copy(this, row)
    }
    return copy
  }

  /** The same rows in two shards, by the bit of the hash that follows the shared ones; each with room for one row more, if that fits. */
  split(): [low: RowShard, high: RowShard] {
    const { capacity, rowCount } = this
    const bit = 31 - this.depth
    let highCount = 0
    for (let row = 0; row < capacity; row++) if (this.#states[row] !== 0) highCount += this.#bitOf(row, bit)
    const half = (count: number) =>
      new RowShard(this.#layout, { capacity: Math.min(capacity, this.#layout.capacityFor(count + 1)), depth: this.depth + 1 })
    const low = half(rowCount - highCount)
    const high = half(highCount)
    for (let row = 0; row < capacity; row++) {
      if (this.#states[row] !== 0) (this.#bitOf(row, bit) === 0 ? low : high).#copy(this, row)
    }
    return [low, high]
  }

  #bitOf(row: number, bit: number): number {
    return ((this.#words[this.#wordsOf(row)] as number) >>> bit) & 1
  }

  /** Takes in a row of another shard. */
  #copy(from: RowShard, fromRow: number): void {
    const row = this.#take()
    // By words: a double's bits need not survive being read as a number.
    const wordsPerRow = this.#doublesPerRow * 2
    for (let k = 0; k < wordsPerRow; k++) this.#words[row * wordsPerRow + k] = from.#words[fromRow * wordsPerRow + k] as number
    const valuesPerRow = this.#valuesPerRow
    for (let k = 0; k < valuesPerRow; k++) this.#values[row * valuesPerRow + k] = from.#values[fromRow * valuesPerRow + k]
    const { nullsPerRow } = this.#image
    for (let k = 0; k < nullsPerRow; k++) this.#nulls[row * nullsPerRow + k] = from.#nulls[fromRow * nullsPerRow + k] as number
    this.#settle(row, from.#words[from.#wordsOf(fromRow)] as number, from.#states[fromRow] as number)
  }

  /** A place for a row. */
  #take(): number {
    if (this.#freed === 0) return this.#untouched++
    const row = this.#freed - 1
    this.#freed = this.#words[this.#wordsOf(row)] as number
    return row
  }

  /** The row has been written to its place: counts it, and lets it be found. */
  #settle(row: number, hash: number, state: number): void {
    this.#words[this.#wordsOf(row)] = hash
    this.#states[row] = state
    this.valueBytes += this.#valueBytesAt(row)
    this.rowCount++
    const slots = this.#slots
    const mask = slots.length - 1
    let at = (hash << 1) & mask
    while (slots[at] !== 0) at = (at + 2) & mask
    slots[at] = row + 1
    slots[at + 1] = hash
  }

  #remove(row: number): void {
    const w = this.#wordsOf(row)
    this.#removeSlot(this.#words[w] as number, row)
    this.valueBytes -= this.#valueBytesAt(row)
    this.#values.fill(null, row * this.#valuesPerRow, (row + 1) * this.#valuesPerRow)
    this.#states[row] = 0
    this.#words[w] = this.#freed
    this.#freed = row + 1
    this.rowCount--
  }

  #valueBytesAt(row: number): number {
    return this.#valuesPerRow === 0 ? 0 : this.#layout.valueBytesAt(this.#values, row * this.#valuesPerRow)
  }

  /** Where the words of the row's hash and key begin. */
  #wordsOf(row: number): number {
    return (row * this.#doublesPerRow + this.#image.numbersPerRow) * 2
  }

  #find(keys: KeyBlock, i: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    const wanted = hash | 0
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const entry = slots[at] as number
      if (entry === 0) return -1
      if (slots[at + 1] === wanted && this.#hasKey(entry - 1, keys, i)) return entry - 1
    }
  }

  #hasKey(row: number, keys: KeyBlock, i: number): boolean {
    if (keys.form === 'variable') {
      const { bytes, offsets } = keys
      const own = this.#values[row * this.#valuesPerRow + this.#image.valuesPerRow] as string
      const from = offsets[i] as number
      if (own.length !== (offsets[i + 1] as number) - from) return false
      for (let k = 0; k < own.length; k++) if (own.charCodeAt(k) !== bytes[from + k]) return false
      return true
    }
    const words = this.#words
    const { words: probe, wordsPerKey } = keys
    const w = this.#wordsOf(row) + 1
    const p = i * wordsPerKey
    for (let k = 0; k < wordsPerKey; k++) if (words[w + k] !== probe[p + k]) return false
    return true
  }

  /** Takes a slot out and moves up those behind it that would not be found past the gap. */
  #removeSlot(hash: number, row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let gap = (hash << 1) & mask
    while (slots[gap] !== row + 1) gap = (gap + 2) & mask
    for (let at = (gap + 2) & mask; slots[at] !== 0; at = (at + 2) & mask) {
      const home = ((slots[at + 1] as number) << 1) & mask
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      slots[gap] = slots[at] as number
      slots[gap + 1] = slots[at + 1] as number
      gap = at
    }
    slots[gap] = 0
  }
}
