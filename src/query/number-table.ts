/**
 * Numbers different numbers: 0, 1, 2, … A window of small integers is looked up in an array, which covers what most
 * group columns hold; everything else in a hash table. The window widens while that stays within a few times the
 * number of rows seen, so that a few far values cannot make it large.
 */
import { grownDoubles } from './grown-arrays.ts'

const windowSizeMin = 1 << 12
const windowSizeMax = 1 << 23

const double = new Float64Array(1)
const halves = new Int32Array(double.buffer)

export class NumberTable {
  /** By id; NaN too has one. */
  values = new Float64Array(64)
  count = 0
  /** The id of each integer from `base` on; −1: none yet. */
  window = new Int32Array(0)
  base = 0
  #slots = new Int32Array(128).fill(-1)
  #nanId = -1
  #rowsSeen = 0

  /** Tells how many rows the ids are asked for: a hint for the size of the window. */
  expectRows(rows: number): void {
    this.#rowsSeen += rows
  }

  /** An id for something that is no number, such as null: never found by `idOf`. */
  addOther(): number {
    return this.#append(Number.NaN)
  }

  /** The id of a value, which gets one if it has none. For the rows that the window does not answer. */
  idOf(value: number): number {
    const index = value - this.base
    if (index >= 0 && index < this.window.length && Number.isInteger(index)) {
      const known = this.window[index] as number
      return known >= 0 ? known : this.#add(value)
    }
    if (Number.isInteger(value) && this.#widen(value)) return this.idOf(value)
    if (value !== value) {
      if (this.#nanId < 0) this.#nanId = this.#add(value)
      return this.#nanId
    }
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = hashOf(value) & mask; ; slot = (slot + 1) & mask) {
      const id = slots[slot] as number
      if (id < 0) return this.#add(value)
      if (this.values[id] === value) return id
    }
  }

  #append(value: number): number {
    const id = this.count++
    this.values = grownDoubles(this.values, this.count)
    this.values[id] = value
    return id
  }

  #add(value: number): number {
    const id = this.#append(value + 0)
    const index = value - this.base
    if (index >= 0 && index < this.window.length && Number.isInteger(index)) this.window[index] = id
    if (value === value) this.#addSlot(id)
    return id
  }

  /** All ids are in the hash table, those of the window too: so that the window may grow over values met before. */
  #addSlot(id: number): void {
    if (this.count * 2 > this.#slots.length) {
      this.#slots = new Int32Array(this.#slots.length * 4).fill(-1)
      for (let known = 0; known < id; known++) this.#place(known)
    }
    this.#place(id)
  }

  #place(id: number): void {
    const value = this.values[id] as number
    if (value !== value) return
    const mask = this.#slots.length - 1
    let slot = hashOf(value) & mask
    while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask
    this.#slots[slot] = id
  }

  /** Makes the window hold a value as well, unless it would become too large. */
  #widen(value: number): boolean {
    const sizeMax = Math.min(windowSizeMax, windowSizeMin * 4 + this.#rowsSeen * 4)
    if (Math.abs(value) > 2 ** 53) return false
    const size = this.window.length
    const low = size === 0 ? value : Math.min(this.base, value)
    const high = size === 0 ? value : Math.max(this.base + size - 1, value)
    const needed = high - low + 1
    if (needed > sizeMax) return false
    let grown = windowSizeMin
    while (grown < needed) grown *= 2
    // What is more than needed lies on the side to which the window grows; half on either side at first.
    const spare = grown - needed
    let base = size === 0 ? low - (spare >>> 1) : low < this.base ? low - spare : low
    // Within 32 bits, so that the difference of 32-bit numbers, wrapped, never strays into the window.
    if (low >= -(2 ** 31) && high < 2 ** 31) base = Math.max(-(2 ** 31), Math.min(base, 2 ** 31 - grown))
    this.base = base
    this.window = new Int32Array(grown).fill(-1)
    for (let id = 0; id < this.count; id++) {
      const index = (this.values[id] as number) - base
      if (index >= 0 && index < grown && Number.isInteger(index)) this.window[index] = id
    }
    return true
  }
}

function hashOf(value: number): number {
  double[0] = value + 0
  let hash = Math.imul(halves[0] as number, 0x9e3779b1) ^ Math.imul(halves[1] as number, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
