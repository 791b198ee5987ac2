import type { ZoneMap } from '../rowset/batch-source.ts'
import type { BytesVector, ColumnVector, DictionaryVector } from '../schema/column-vector.ts'
import { compareBytes, compareRanges } from '../schema/key-encoding.ts'
import type { PredicateBatch, PredicatePart } from './compiled-predicate.ts'
import type { BytesRange, LiteralRange, NumberRange } from './literal-range.ts'
import { type NumberArray, selectInRange, selectWhere } from './select-kernels.ts'

type ZoneMaps = (position: number) => ZoneMap | undefined

/** Values in a range; or, with `wanted` false, values outside of it (NaN is outside of every range). */
export class RangeLeaf implements PredicatePart {
  readonly #position: number
  readonly #range: LiteralRange
  readonly #wanted: boolean

  constructor(position: number, range: LiteralRange, wanted: boolean) {
    this.#position = position
    this.#range = range
    this.#wanted = wanted
  }

  mightMatch(zoneMaps: ZoneMaps): boolean {
    const zone = zoneMaps(this.#position)
    if (!zone?.known) return true
    const { min, max } = zone
    if (min === undefined || max === undefined) return zone.hasNaN && !this.#wanted
    const overlaps =
      this.#range.form === 'number'
        ? numbersOverlap(this.#range, min, max)
        : bytesOverlap(this.#range, min as Uint8Array, max as Uint8Array)
    if (this.#wanted) return overlaps
    return zone.hasNaN || !this.#covers(min, max)
  }

  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined {
    const vector = batch.column(this.#position)
    const range = this.#range
    if (range.form === 'number') return selectNumbers(vector, range, this.#wanted, batch.rowCount, selection)
    if (vector.form === 'dictionary') {
      const low = range.low ? firstAtLeast(vector.dictionary, range.low) : 0
      const high = (range.high ? firstAtLeast(vector.dictionary, range.high) : vector.dictionary.length) - 1
      return selectInRange(vector.codes, { low, high, wanted: this.#wanted, nulls: vector.nulls }, batch.rowCount, selection)
    }
    return selectBytes(vector as BytesVector, range, this.#wanted, batch.rowCount, selection)
  }

  /** Whether the range holds everything between two values. Bounds of strings may be cut short, so that they prove nothing here. */
  #covers(min: NonNullable<ZoneMap['min']>, max: NonNullable<ZoneMap['max']>): boolean {
    if (this.#range.form === 'bytes') return false
    const { low, high } = this.#range
    return typeof min === 'number' && typeof max === 'number' && min >= low && max <= high
  }
}

function numbersOverlap(range: NumberRange, min: NonNullable<ZoneMap['min']>, max: NonNullable<ZoneMap['max']>): boolean {
  if (typeof min === 'number' && typeof max === 'number') return max >= range.low && min <= range.high
  return BigInt(max as bigint) >= range.lowWide && BigInt(min as bigint) <= range.highWide
}

function bytesOverlap(range: BytesRange, min: Uint8Array, max: Uint8Array): boolean {
  if (range.low && compareBytes(max, range.low) < 0) return false
  return !range.high || compareBytes(min, range.high) < 0
}

function selectNumbers(
  vector: ColumnVector,
  range: NumberRange,
  wanted: boolean,
  rowCount: number,
  selection: Int32Array | undefined,
): Int32Array | undefined {
  if (vector.form !== 'fixed') throw new TypeError('a numeric predicate met a column of strings')
  const { values, nulls } = vector
  if (!(values instanceof BigInt64Array))
    return selectInRange(values as NumberArray, { low: range.low, high: range.high, wanted, nulls }, rowCount, selection)
  const { lowWide, highWide } = range
  return selectWhere(rowCount, selection, (row) => {
    const value = values[row] as bigint
    return nulls?.[row] !== 1 && (value >= lowWide && value <= highWide) === wanted
  })
}

function selectBytes(
  vector: BytesVector,
  range: BytesRange,
  wanted: boolean,
  rowCount: number,
  selection: Int32Array | undefined,
): Int32Array | undefined {
  const { offsets, bytes, nulls } = vector
  const { low, high } = range
  return selectWhere(rowCount, selection, (row) => {
    if (nulls !== undefined && nulls[row] === 1) return false
    const from = offsets[row] as number
    const to = offsets[row + 1] as number
    const inside =
      (low === undefined || compareRanges(bytes, from, to, low, 0, low.length) >= 0) &&
      (high === undefined || compareRanges(bytes, from, to, high, 0, high.length) < 0)
    return inside === wanted
  })
}

/** The first entry of a sorted dictionary at or above some bytes. */
function firstAtLeast({ offsets, bytes, length }: BytesVector, value: Uint8Array): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareRanges(bytes, offsets[middle] as number, offsets[middle + 1] as number, value, 0, value.length) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Values among a list; or, with `wanted` false, values that are not. */
export class MemberLeaf implements PredicatePart {
  readonly #position: number
  readonly #wanted: boolean
  readonly #numbers: ReadonlySet<number>
  readonly #wide: ReadonlySet<bigint>
  readonly #bytes: readonly Uint8Array[]

  constructor(position: number, values: readonly (number | bigint | Uint8Array)[], wanted: boolean) {
    this.#position = position
    this.#wanted = wanted
    const numbers = values.filter((value) => typeof value === 'number' || typeof value === 'bigint')
    this.#numbers = new Set(
      numbers.filter((value) => (typeof value === 'bigint' ? BigInt(Number(value)) === value : !Number.isNaN(value))).map(Number),
    )
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
    for (const value of this.#numbers) if (value >= min && value <= (max as number | bigint)) return true
    for (const value of this.#wide) if (value >= min && value <= (max as number | bigint)) return true
    return false
  }

  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined {
    const vector = batch.column(this.#position)
    const { nulls } = vector
    const wanted = this.#wanted
    const isMember = this.#membership(vector)
    return selectWhere(batch.rowCount, selection, (row) => nulls?.[row] !== 1 && isMember(row) === wanted)
  }

  #membership(vector: ColumnVector): (row: number) => boolean {
    if (vector.form === 'fixed') {
      const { values } = vector
      if (values instanceof BigInt64Array) return (row) => this.#wide.has(values[row] as bigint)
      return (row) => this.#numbers.has(values[row] as number)
    }
    if (vector.form === 'bytes') return (row) => this.#isListed(vector, row)
    return dictionaryMembership(vector, (entry) => this.#isListed(vector.dictionary, entry))
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

/** Asks once for each entry of the dictionary; rows are then looked up by code. */
function dictionaryMembership({ codes, dictionary }: DictionaryVector, isListed: (entry: number) => boolean): (row: number) => boolean {
  const listed = Uint8Array.from({ length: dictionary.length }, (_, entry) => (isListed(entry) ? 1 : 0))
  return (row) => listed[codes[row] as number] === 1
}

/** Nulls; or, with `wanted` false, everything else. */
export class NullLeaf implements PredicatePart {
  readonly #position: number
  readonly #wanted: boolean

  constructor(position: number, wanted: boolean) {
    this.#position = position
    this.#wanted = wanted
  }

  mightMatch(zoneMaps: ZoneMaps): boolean {
    const zone = zoneMaps(this.#position)
    if (!zone?.known) return true
    return this.#wanted ? zone.nullCount > 0 : zone.min !== undefined || zone.hasNaN
  }

  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined {
    const { nulls } = batch.column(this.#position)
    if (nulls === undefined) return this.#wanted ? new Int32Array(0) : selection
    const wanted = this.#wanted ? 1 : 0
    return selectWhere(batch.rowCount, selection, (row) => nulls[row] === wanted)
  }
}
