import type { ZoneMap } from '../rowset/batch-source.ts'
import type { BytesVector, FixedVector } from '../schema/column-vector.ts'
import { compareBytes, compareRanges } from '../schema/key-encoding.ts'
import type { BytesRange, LiteralRange, NumberRange } from './literal-range.ts'
import type { PredicateBatch, PredicatePart, ZoneMaps } from './predicate-part.ts'
import { RowSelector, type Rows } from './row-selector.ts'

type Bound = NonNullable<ZoneMap['min']>

/** Values in a range; or, with `wanted` false, values outside of it (NaN is outside of every range). */
export class RangeLeaf implements PredicatePart {
  readonly #position: number
  readonly #range: LiteralRange
  readonly #wanted: boolean
  readonly #selector = new RowSelector()

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
    if (!this.#wanted) return zone.hasNaN || !covers(this.#range, min, max)
    return this.#range.form === 'number'
      ? numbersOverlap(this.#range, min, max)
      : bytesOverlap(this.#range, min as Uint8Array, max as Uint8Array)
  }

  select(batch: PredicateBatch, selection: Int32Array | undefined): Int32Array | undefined {
    const vector = batch.column(this.#position)
    const range = this.#range
    const rows: Rows = { rowCount: batch.rowCount, selection, nulls: vector.nulls }
    const outside = this.#wanted ? 0 : 1
    if (range.form === 'number') return this.#selectNumbers((vector as FixedVector).values, range, outside, rows)
    if (vector.form === 'dictionary') {
      // Codes ascend as the values do: a range of values is a range of codes, and no row's string is looked at.
      const low = range.low ? firstAtLeast(vector.dictionary, range.low) : 0
      const high = (range.high ? firstAtLeast(vector.dictionary, range.high) : vector.dictionary.length) - 1
      return this.#selector.inRange(this.#selector.plain.doublesOf(vector.codes), { low, high }, outside, rows)
    }
    return this.#selector.where(bytesTest(vector as BytesVector, range), outside, rows)
  }

  #selectNumbers(values: FixedVector['values'], range: NumberRange, outside: 0 | 1, rows: Rows): Int32Array | undefined {
    const selector = this.#selector
    if (!(values instanceof BigInt64Array)) return selector.inRange(selector.plain.doublesOf(values), range, outside, rows)
    const { lowWide, highWide } = range
    return selector.where((row) => (values[row] as bigint) >= lowWide && (values[row] as bigint) <= highWide, outside, rows)
  }
}

/** Whether the range holds everything between two values. Bounds of strings may be cut short: they prove nothing here. */
function covers(range: LiteralRange, min: Bound, max: Bound): boolean {
  return range.form === 'number' && typeof min === 'number' && typeof max === 'number' && min >= range.low && max <= range.high
}

function numbersOverlap(range: NumberRange, min: Bound, max: Bound): boolean {
  if (typeof min === 'number' && typeof max === 'number') return max >= range.low && min <= range.high
  return (max as bigint | number) >= range.lowWide && (min as bigint | number) <= range.highWide
}

function bytesOverlap({ low, high }: BytesRange, min: Uint8Array, max: Uint8Array): boolean {
  return !(low && compareBytes(max, low) < 0) && !(high && compareBytes(min, high) >= 0)
}

function bytesTest({ offsets, bytes }: BytesVector, { low, high }: BytesRange): (row: number) => boolean {
  return (row) => {
    const from = offsets[row] as number
    const to = offsets[row + 1] as number
    if (low !== undefined && compareRanges(bytes, from, to, low, 0, low.length) < 0) return false
    return high === undefined || compareRanges(bytes, from, to, high, 0, high.length) < 0
  }
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

/** Nulls; or, with `wanted` false, everything else. */
export class NullLeaf implements PredicatePart {
  readonly #position: number
  readonly #wanted: boolean
  readonly #selector = new RowSelector()

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
    return this.#selector.flagged(nulls, this.#wanted ? 0 : 1, { rowCount: batch.rowCount, selection })
  }
}
