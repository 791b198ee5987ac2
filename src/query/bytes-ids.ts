import type { BytesVector, ColumnVector, DictionaryVector } from '../schema/column-vector.ts'
import { stringAt } from '../schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue } from '../schema/table-schema.ts'
import type { ColumnIds } from './column-ids.ts'
import { grownIntegers } from './grown-arrays.ts'
import { hasNull, type LookUpRows } from './number-ids.ts'
import { PlainNumbers } from './plain-numbers.ts'

const bytesMax = 2 ** 32 - 1

/**
 * Numbers strings and binary values, as bytes: nothing is decoded before the result asks for it. Of a dictionary, every
 * entry that occurs is looked up once a block; of values end to end, each row.
 */
export class BytesIds implements ColumnIds {
  readonly #column: ColumnSchema
  readonly #plain = new PlainNumbers()
  #count = 0
  #nullId = -1
  /** Values end to end, in the order of their ids; null is empty. */
  #bytes = new Uint8Array(1024)
  #offsets = new Uint32Array(65)
  #hashes = new Int32Array(64)
  #slots = new Int32Array(128).fill(-1)
  #ofCode = new Int32Array(0)

  constructor(column: ColumnSchema) {
    this.#column = column
  }

  get count(): number {
    return this.#count
  }

  get nullId(): number {
    return this.#nullId
  }

  assign(vector: ColumnVector, selection: Int32Array | undefined, count: number, out: Int32Array): void {
    if (vector.form === 'fixed') throw new TypeError('a column of strings came as numbers')
    const { nulls } = vector
    if (nulls !== undefined && this.#nullId < 0 && hasNull(nulls, selection, count)) this.#nullId = this.#add(this.#bytes, 0, 0, 0)
    if (vector.form === 'dictionary') this.#assignCodes(vector, selection, count, out)
    else this.#assignBytes(vector, selection, count, out)
  }

  valueAt(id: number): ColumnValue {
    if (id === this.#nullId) return null
    const vector: BytesVector = { form: 'bytes', length: this.#count, offsets: this.#offsets, bytes: this.#bytes, nulls: undefined }
    return this.#column.kind === 'string' ? stringAt(vector, id) : this.#bytes.slice(this.#offsets[id], this.#offsets[id + 1])
  }

  #assignCodes({ codes, dictionary, nulls }: DictionaryVector, selection: Int32Array | undefined, count: number, out: Int32Array): void {
    const plain = this.#plain.integersOf(codes)
    this.#ofCode = grownIntegers(this.#ofCode, dictionary.length)
    const ofCode = this.#ofCode.fill(-1, 0, dictionary.length)
    for (let k = 0; k < count; k++) {
      k = lookUpCodes(plain, ofCode, { selection, nulls, nullId: this.#nullId, count }, k, out)
      if (k === count) return
      const code = plain[selection === undefined ? k : (selection[k] as number)] as number
      const id = this.#idOf(dictionary.bytes, dictionary.offsets[code] as number, dictionary.offsets[code + 1] as number)
      ofCode[code] = id
      out[k] = id
    }
  }

  #assignBytes({ offsets, bytes, nulls }: BytesVector, selection: Int32Array | undefined, count: number, out: Int32Array): void {
    for (let k = 0; k < count; k++) {
      const row = selection === undefined ? k : (selection[k] as number)
      out[k] =
        nulls !== undefined && nulls[row] === 1 ? this.#nullId : this.#idOf(bytes, offsets[row] as number, offsets[row + 1] as number)
    }
  }

  #idOf(bytes: Uint8Array, from: number, to: number): number {
    const hash = hashBytes(bytes, from, to)
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot] as number
      if (id < 0) break
      if (this.#hashes[id] === hash && this.#equals(id, bytes, from, to)) return id
    }
    const id = this.#add(bytes, from, to, hash)
    this.#addSlot(id)
    return id
  }

  #equals(id: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.#offsets[id] as number
    if ((this.#offsets[id + 1] as number) - start !== to - from) return false
    const own = this.#bytes
    for (let i = from, j = start; i < to; i++, j++) if (bytes[i] !== own[j]) return false
    return true
  }

  #add(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const id = this.#count++
    const start = this.#offsets[id] as number
    const end = start + to - from
    if (end > bytesMax)
      throw new RangeError(
        `The different values of column ${this.#column.name} take more than 4 GiB; group by something shorter, or narrow it with where.`,
      )
    if (id + 2 > this.#offsets.length) {
      const grown = new Uint32Array(this.#offsets.length * 2)
      grown.set(this.#offsets)
      this.#offsets = grown
    }
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(bytesMax, Math.max(end, this.#bytes.length * 2)))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    for (let i = from, j = start; i < to; i++, j++) this.#bytes[j] = bytes[i] as number
    this.#offsets[id + 1] = end
    this.#hashes = grownIntegers(this.#hashes, this.#count)
    this.#hashes[id] = hash
    return id
  }

  #addSlot(id: number): void {
    if (this.#count * 2 > this.#slots.length) {
      this.#slots = new Int32Array(this.#slots.length * 4).fill(-1)
      for (let known = 0; known < id; known++) if (known !== this.#nullId) this.#place(known)
    }
    this.#place(id)
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1
    let slot = (this.#hashes[id] as number) & mask
    while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask
    this.#slots[slot] = id
  }
}

/** As `lookUpIntegers`: the place of the first row, from the k-th on, whose code has no number yet, else `count`. */
function lookUpCodes(
  codes: Int32Array,
  ofCode: Int32Array,
  { selection, nulls, nullId, count }: LookUpRows,
  from: number,
  out: Int32Array,
): number {
  for (let k = from; k < count; k++) {
    const row = selection === undefined ? k : (selection[k] as number)
    if (nulls !== undefined && nulls[row] === 1) {
      out[k] = nullId
      continue
    }
    const id = ofCode[codes[row] as number] as number
    if (id < 0) return k
    out[k] = id
  }
  return count
}

/** Four bytes a step. */
function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = (to - from) ^ 0x9e3779b1
  let i = from
  for (; i + 4 <= to; i += 4) {
    const word =
      (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24)
    hash = Math.imul(hash ^ word, 0x85ebca6b)
    hash ^= hash >>> 15
  }
  for (; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
