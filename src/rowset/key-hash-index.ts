/**
 * Finds the row id of a key by the key's 32-bit hash.
 *
 * Extendible hashing: a directory, indexed by the hash's top bits, of small open-addressed tables. A table at 0.6 of
 * its slots (by and large) is split in two by the next bit, which costs some 0.1 ms however many rows there are. Hashes
 * fill all tables at one pace, so each has a threshold of its own: else all of them would be split within a few thousand
 * rows. So no append ever waits for a rehash of everything, or of much. The first table starts small and doubles until it
 * has the full size. A slot is two words: row id + 1 (0: empty), and the hash.
 */
import { type ChunkPool, chunkBytes, type SharedSpan } from './chunk-pool.ts'

const fullTableSlots = 8192
const fullTableWords = fullTableSlots * 2
const firstTableSlots = 256
const directoryBitsMax = 18
/** Shares of its slots at which a table is split: the largest is less than twice the smallest, so that halves have room. */
const fillMin = 0.42
const fillMax = 0.78

/** What tells whether a row has a key: hashes can collide. */
export interface KeyEquality<K> {
  rowHasKey(row: number, keys: K, index: number): boolean
}

class HashTable {
  /** Directory bits that the table's hashes share. */
  bits: number
  entries = 0
  entriesMax = 0
  slots: Int32Array

  /** `hash`: any hash that belongs into the table. */
  constructor(bits: number, slots: Int32Array, hash: number) {
    this.bits = bits
    this.slots = slots
    this.setEntriesMax(hash)
  }

  /** To be called when bits or slots have changed. */
  setEntriesMax(hash: number): void {
    const prefix = this.bits === 0 ? 0 : hash >>> (32 - this.bits)
    // Multiples of the golden ratio, modulo 1, are spread evenly.
    const spread = ((prefix + this.bits) * 0.6180339887498949) % 1
    this.entriesMax = Math.floor((this.slots.length / 2) * (fillMin + (fillMax - fillMin) * spread))
  }
}

/** Row ids by key hash. Never forgets a row; one index lives as long as its MemRowSet. */
export class KeyHashIndex {
  private readonly pool: ChunkPool
  private readonly spans: SharedSpan[] = []
  private unusedWords: Int32Array | undefined
  private unusedFrom = 0
  private plainBytes = firstTableSlots * 8
  private directory: HashTable[]
  /** `hash >>> shift` is the directory's index; 32 stands for a directory of one. */
  private bits = 0
  /** Of no meaning: keeps the reads of `touch` from being optimised away. */
  touched = 0

  constructor(pool: ChunkPool) {
    this.pool = pool
    this.directory = [new HashTable(0, new Int32Array(firstTableSlots * 2), 0)]
  }

  /** Bytes of memory, shared and plain. */
  get usedBytes(): number {
    return this.spans.length * chunkBytes + this.plainBytes + this.directory.length * 8
  }

  /** The row that has key `index` of `keys`, whose hash is given; −1 if there is none below `rowCount`. */
  find<K>(rows: KeyEquality<K>, rowCount: number, keys: K, index: number, hash: number): number {
    const slots = (this.directory[this.bits === 0 ? 0 : hash >>> (32 - this.bits)] as HashTable).slots
    const mask = slots.length - 1
    const wanted = hash | 0
    let at = (hash << 1) & mask
    for (;;) {
      const entry = slots[at] as number
      if (entry === 0) return -1
      if (slots[at + 1] === wanted && entry <= rowCount && rows.rowHasKey(entry - 1, keys, index)) return entry - 1
      at = (at + 2) & mask
    }
  }

  /** The lowest index below `limit` whose key a row below `rowCount` has; −1 if none has. */
  findFirst<K>(rows: KeyEquality<K>, rowCount: number, keys: K, hashes: Uint32Array, limit: number): number {
    this.touch(hashes, limit)
    for (let i = 0; i < limit; i++) if (this.find(rows, rowCount, keys, i, hashes[i] as number) >= 0) return i
    return -1
  }

  /**
   * Reads the first slot of each hash, and nothing more: reads that do not wait for each other, so that the processor
   * has many on their way to memory at once. The look-ups that follow find the slots in its cache.
   */
  private touch(hashes: Uint32Array, count: number): void {
    const { directory } = this
    const shift = 32 - this.bits
    let seen = 0
    for (let i = 0; i < count; i++) {
      const hash = hashes[i] as number
      const { slots } = directory[this.bits === 0 ? 0 : hash >>> shift] as HashTable
      seen ^= slots[(hash << 1) & (slots.length - 1)] as number
    }
    this.touched = seen
  }

  /** Adds `count` rows from `firstRow` on, with the hashes that the selection names, or the first ones. Their keys must be absent. */
  insertMany(hashes: Uint32Array, selection: Int32Array | undefined, count: number, firstRow: number): void {
    if (selection === undefined) this.touch(hashes, count)
    if (selection === undefined) for (let i = 0; i < count; i++) this.insert(hashes[i] as number, firstRow + i)
    else for (let i = 0; i < count; i++) this.insert(hashes[selection[i] as number] as number, firstRow + i)
  }

  /** Gives the shared memory back. */
  release(): void {
    for (const span of this.spans) this.pool.release(span)
    this.spans.length = 0
    this.directory = []
  }

  private insert(hash: number, row: number): void {
    let table = this.directory[this.bits === 0 ? 0 : hash >>> (32 - this.bits)] as HashTable
    while (table.entries >= table.entriesMax) {
      this.makeRoom(table, hash)
      table = this.directory[this.bits === 0 ? 0 : hash >>> (32 - this.bits)] as HashTable
    }
    put(table.slots, hash, row + 1)
    table.entries++
  }

  private makeRoom(table: HashTable, hash: number): void {
    if (table.slots.length >= fullTableWords && table.bits < directoryBitsMax) this.split(table, hash)
    else this.grow(table, hash)
  }

  /** Doubles a table: one that is still small, or one whose hashes agree in too many bits. */
  private grow(table: HashTable, hash: number): void {
    const words = table.slots.length * 2
    const slots = words === fullTableWords ? this.fullTable() : new Int32Array(words)
    if (words !== fullTableWords) this.plainBytes += words * 4
    if (table.slots.length < fullTableWords) this.plainBytes -= table.slots.length * 4
    moveAll(table.slots, slots)
    table.slots = slots
    table.setEntriesMax(hash)
  }

  private split(table: HashTable, hash: number): void {
    const slots = table.slots.length === fullTableWords ? this.fullTable() : new Int32Array(table.slots.length)
    if (table.bits === this.bits) this.doubleDirectory()
    const bit = 1 << (31 - table.bits)
    const sibling = new HashTable(table.bits + 1, slots, (hash | bit) >>> 0)
    const old = table.slots.slice()
    table.bits++
    table.setEntriesMax((hash & ~bit) >>> 0)
    table.slots.fill(0)
    let moved = 0
    for (let at = 0; at < old.length; at += 2) {
      const entry = old[at] as number
      if (entry === 0) continue
      const entryHash = old[at + 1] as number
      if ((entryHash & bit) === 0) put(table.slots, entryHash, entry)
      else {
        put(slots, entryHash, entry)
        moved++
      }
    }
    sibling.entries = moved
    table.entries -= moved
    this.point(sibling, (hash | bit) >>> 0)
  }

  /** Lets the directory's entries of a table show it; `hash` is any hash that belongs there. */
  private point(table: HashTable, hash: number): void {
    const free = this.bits - table.bits
    const first = (hash >>> (32 - table.bits)) << free
    for (let i = 0; i < 1 << free; i++) this.directory[first + i] = table
  }

  private doubleDirectory(): void {
    const doubled: HashTable[] = []
    for (const table of this.directory) doubled.push(table, table)
    this.directory = doubled
    this.bits++
  }

  private fullTable(): Int32Array {
    if (this.unusedWords === undefined) {
      const span = this.pool.acquire('chunk')
      this.spans.push(span)
      this.unusedWords = new Int32Array(span.buffer, span.byteOffset, chunkBytes / 4)
      this.unusedFrom = 0
    }
    const table = this.unusedWords.subarray(this.unusedFrom, this.unusedFrom + fullTableWords)
    this.unusedFrom += fullTableWords
    if (this.unusedFrom === this.unusedWords.length) this.unusedWords = undefined
    return table.fill(0)
  }
}

function put(slots: Int32Array, hash: number, entry: number): void {
  const mask = slots.length - 1
  let at = (hash << 1) & mask
  while (slots[at] !== 0) at = (at + 2) & mask
  slots[at] = entry
  slots[at + 1] = hash
}

function moveAll(from: Int32Array, to: Int32Array): void {
  for (let at = 0; at < from.length; at += 2) {
    const entry = from[at] as number
    if (entry !== 0) put(to, from[at + 1] as number, entry)
  }
}
