import type { BytesVector, FixedVector } from '../schema/column-vector.ts'
import { compareBytes, compareRanges } from '../schema/key-encoding.ts'
import type { PredicateBatch, PredicatePart, ZoneMaps } from './predicate-part.ts'
import { RowSelector, type Rows } from './row-selector.ts'

/** Up to this many numbers are compared one by one; more are looked up in a set. */
const comparedMax = 16

/** Values among a list; or, with `wanted` false, values that are not (NaN never is among them). */
export class MemberLeaf implements PredicatePart {
  readonly #position: number
  readonly #wanted: boolean
  readonly #selector = new RowSelector()
  /** Listed numbers, as doubles where they are some, and as integers of 64 bits where they are some. */
  readonly #numbers: ReadonlySet<number>
  readonly #few: Float64Array
  readonly #wide: ReadonlySet<bigint>
  /** Listed bytes, ascending. */
  readonly #bytes: readonly Uint8Array[]

  constructor(position: number, values: readonly (number | bigint | Uint8Array)[], wanted: boolean) {
    this.#position = position
    this.#wanted = wanted
    const numbers = values.filter((value) => !(value instanceof Uint8Array) && !Number.isNaN(value)) as (number | bigint)[]
    this.#numbers = new Set(numbers.filter((value) => typeof value === 'number' || BigInt(Number(value)) === value).map(Number))
    this.#few = Float64Array.from(this.#numbers)
    this.#wide = new Set(numbers.filter((value) => typeof value === 'bigint' || Number.isInteger(value)).map(BigInt))
    this.#bytes = values.filter((value) => value instanceof Uint8Array).sort(compareBytes)
  }

  mightMatch(zoneMaps: ZoneMaps): boolean {
    const zone = zoneMaps(this.#position)
    if (!this.#wanted || !zone?.known) return true
    const { min, max } = zone
    if (min === undefined || max === undefined) return false
    if (min instanceof Uint8Array)
      return this.#bytes.some((value) => compareBytes(value, min) >= 0 && compareBytes(value, max as Uint8Array) <= 0)
    for (const listed of [this.#numbers, this.#wide])
      for (const value of listed) if (value >= min && value <= (max as number | bigint)) return true
    return false
  }

  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined {
    const vector = batch.column(this.#position)
    const selector = this.#selector
    const rows: Rows = { rowCount: batch.rowCount, selection, nulls: vector.nulls }
    const outside = this.#wanted ? 0 : 1
    if (vector.form === 'fixed') return this.#selectNumbers(vector.values, outside, rows)
    if (vector.form === 'bytes') return selector.where((row) => this.#isListed(vector, row), outside, rows)
    // Asked once for each entry of the dictionary; rows are then looked up by code.
    const { dictionary } = vector
    const marks = Uint8Array.from({ length: dictionary.length }, (_, entry) => Number(this.#isListed(dictionary, entry)))
    return selector.marked(selector.plain.integersOf(vector.codes), marks, outside, rows)
  }

  #selectNumbers(values: FixedVector['values'], outside: 0 | 1, rows: Rows): Int32Array | undefined {
    const selector = this.#selector
    if (values instanceof BigInt64Array) return selector.where((row) => this.#wide.has(values[row] as bigint), outside, rows)
    const doubles = selector.plain.doublesOf(values)
    if (this.#few.length <= comparedMax) return selector.among(doubles, this.#few, outside, rows)
    return selector.where((row) => this.#numbers.has(doubles[row] as number), outside, rows)
  }

  #isListed({ bytes, offsets }: BytesVector, row: number): boolean {
    const from = offsets[row] as number
    const to = offsets[row + 1] as number
    let low = 0
    let high = this.#bytes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const listed = this.#bytes[middle] as Uint8Array
      const order = compareRanges(listed, 0, listed.length, bytes, from, to)
      if (order === 0) return true
      if (order < 0) low = middle + 1
      else high = middle
    }
    return false
  }
}
