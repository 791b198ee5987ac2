import { type CachedRow, compareRanges, type KeyBlock, type RowImage, valueBytesOf } from '../../src/plugin.ts'

const firstCapacity = 32

/**
 * One shard of a tablet's cached rows. A row's numbers and its key lie side by side in one buffer, its strings in one
 * array; an open-addressed table at half load leads from hashes to rows. So a look-up touches three places.
 *
 * Rows leave by CLOCK: a hand goes round, passing once over those read since it came by last.
 */
export class RowShard {
  rowCount = 0
  /** Bytes of strings and buffers of the rows. */
  valueBytes = 0
  readonly #image: RowImage
  readonly #wordsPerKey: number
  /** A row in the buffer: numbers, then words: hash, key. */
  readonly #doublesPerRow: number
  readonly #valuesPerRow: number
  #capacity = 0
  #numbers = new Float64Array(0)
  #words = new Uint32Array(0)
  #values: unknown[] = []
  #nulls = new Uint8Array(0)
  /** 0: no row, 1: a row, 2: a row that was read since the hand came by. */
  #states = new Uint8Array(0)
  /** Pairs: row + 1 (0: empty), hash. */
  #slots = new Int32Array(2)
  /** Places of rows that went, and the first place that was never taken. */
  readonly #free: number[] = []
  #untouched = 0
  #hand = 0

  /** `wordsPerKey` is 0 for variable keys, which lie among the values. */
  constructor(image: RowImage, wordsPerKey: number) {
    this.#image = image
    this.#wordsPerKey = wordsPerKey
    this.#doublesPerRow = image.numbersPerRow + Math.ceil((1 + wordsPerKey) / 2)
    this.#valuesPerRow = image.valuesPerRow + (wordsPerKey === 0 ? 1 : 0)
  }

  get usedBytes(): number {
    return this.#capacity * this.#bytesPerRow + this.valueBytes
  }

  /** What the next row takes in fixed room. */
  get growthBytes(): number {
    return this.rowCount < this.#capacity ? 0 : Math.max(firstCapacity, this.#capacity) * this.#bytesPerRow
  }

  get #bytesPerRow(): number {
    return this.#doublesPerRow * 8 + this.#valuesPerRow * 8 + this.#image.nullsPerRow + 1 + 16
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

  /** What the values of a row that is put would take. */
  valueBytesOf(keys: KeyBlock, i: number, row: CachedRow): number {
    const values = this.#image.valueBytesOf(row)
    return keys.form === 'fixed' ? values : values + valueBytesOf(keyOf(keys, i))
  }

  /** Takes in a row that is not here. */
  put(keys: KeyBlock, i: number, hash: number, value: CachedRow): void {
    if (this.rowCount === this.#capacity) this.#grow()
    const row = this.#free.pop() ?? this.#untouched++
    const v = row * this.#valuesPerRow
    const image = this.#image
    image.write(value, this.#numbers, row * this.#doublesPerRow, this.#values, v, this.#nulls, row * image.nullsPerRow)
    const w = this.#wordsOf(row)
    this.#words[w] = hash
    if (keys.form === 'fixed')
      for (let k = 0; k < this.#wordsPerKey; k++) this.#words[w + 1 + k] = keys.words[i * this.#wordsPerKey + k] as number
    else this.#values[v + image.valuesPerRow] = keyOf(keys, i).slice()
    for (let k = v; k < v + this.#valuesPerRow; k++) this.valueBytes += valueBytesOf(this.#values[k])
    this.#states[row] = 1
    this.#addSlot(hash, row)
    this.rowCount++
  }

  has(keys: KeyBlock, i: number, hash: number): boolean {
    return this.#find(keys, i, hash) >= 0
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
      this.#hand = row + 1 === this.#capacity ? 0 : row + 1
      const state = this.#states[row]
      if (state === 2) this.#states[row] = 1
      else if (state === 1) {
        this.#remove(row)
        return
      }
    }
  }

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
      const own = this.#values[row * this.#valuesPerRow + this.#image.valuesPerRow] as Uint8Array
      return compareRanges(own, 0, own.length, keys.bytes, keys.offsets[i] as number, keys.offsets[i + 1] as number) === 0
    }
    const words = this.#words
    const probe = keys.words
    const count = this.#wordsPerKey
    const w = this.#wordsOf(row) + 1
    const p = i * count
    for (let k = 0; k < count; k++) if (words[w + k] !== probe[p + k]) return false
    return true
  }

  #remove(row: number): void {
    const v = row * this.#valuesPerRow
    const w = this.#wordsOf(row)
    this.#removeSlot(this.#words[w] as number, row)
    for (let k = v; k < v + this.#valuesPerRow; k++) {
      this.valueBytes -= valueBytesOf(this.#values[k])
      this.#values[k] = null
    }
    this.#states[row] = 0
    this.#free.push(row)
    this.rowCount--
  }

  #addSlot(hash: number, row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = (hash << 1) & mask
    while (slots[at] !== 0) at = (at + 2) & mask
    slots[at] = row + 1
    slots[at + 1] = hash
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

  #grow(): void {
    const capacity = Math.max(firstCapacity, this.#capacity * 2)
    const buffer = new ArrayBuffer(capacity * this.#doublesPerRow * 8)
    const numbers = new Float64Array(buffer)
    // By words: a double's bits need not survive being read as a number.
    new Uint32Array(buffer).set(this.#words)
    this.#numbers = numbers
    this.#words = new Uint32Array(buffer)
    this.#nulls = grown(this.#nulls, capacity * this.#image.nullsPerRow)
    this.#states = grown(this.#states, capacity)
    const values = new Array<unknown>(capacity * this.#valuesPerRow).fill(null)
    for (let k = 0; k < this.#values.length; k++) values[k] = this.#values[k]
    this.#values = values
    this.#capacity = capacity
    this.#slots = new Int32Array(capacity * 4)
    for (let row = 0; row < capacity; row++) if (this.#states[row] !== 0) this.#addSlot(this.#words[this.#wordsOf(row)] as number, row)
  }
}

function keyOf(keys: Extract<KeyBlock, { form: 'variable' }>, i: number): Uint8Array {
  return keys.bytes.subarray(keys.offsets[i], keys.offsets[i + 1])
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length)
  larger.set(bytes)
  return larger
}
