/**
 * What a comparison says of a column, as a range. Numbers: both ends included, `x > 5` becoming `x ≥ the next number
 * after 5`; so −0 equals 0, and NaN lies in no range. Integers of 64 bits: the same, as bigints besides. Strings and
 * bytes: encoded, from `low` (included) to `high` (excluded), since the next string after s is s and a zero byte.
 */
import { describeValue } from '../schema/column-value.ts'
import { prefixEnd } from '../schema/key-encoding.ts'
import type { ColumnSchema } from '../schema/table-schema.ts'
import type { Comparison, Literal } from './predicate.ts'

export interface NumberRange {
  readonly form: 'number'
  readonly low: number
  readonly high: number
  /** For int64 columns beyond ±2^53: the same range, exact. */
  readonly lowWide: bigint
  readonly highWide: bigint
}

export interface BytesRange {
  readonly form: 'bytes'
  readonly low: Uint8Array | undefined
  readonly high: Uint8Array | undefined
}

export type LiteralRange = NumberRange | BytesRange

/** No number compares with NaN. */
const nothing: NumberRange = { form: 'number', low: Number.NaN, high: Number.NaN, lowWide: 1n, highWide: 0n }
const wideMin = -(2n ** 63n)
const wideMax = 2n ** 63n - 1n

/** The range of values `v` with `v comparison literal` (for `ne`: of those that it excludes). TypeError for a literal of another type. */
export function comparisonRange(table: string, column: ColumnSchema, comparison: Comparison, literal: Literal): LiteralRange {
  if (column.kind === 'string' || column.kind === 'binary') return bytesComparison(comparison, literalBytes(table, column, literal))
  return numberComparison(comparison, literalNumber(table, column, literal))
}

/** From `low` to `high`, both included. */
export function betweenRange(table: string, column: ColumnSchema, low: Literal, high: Literal): LiteralRange {
  const from = comparisonRange(table, column, 'gte', low)
  const to = comparisonRange(table, column, 'lte', high)
  if (from.form === 'bytes' || to.form === 'bytes') return { form: 'bytes', low: (from as BytesRange).low, high: (to as BytesRange).high }
  if (from === nothing || to === nothing) return nothing
  return { form: 'number', low: from.low, high: to.high, lowWide: from.lowWide, highWide: to.highWide }
}

/** Strings that begin with the prefix. */
export function prefixRange(table: string, column: ColumnSchema, prefix: string): BytesRange {
  if (column.kind !== 'string') throw new TypeError(`startsWith reads string columns; ${table}.${column.name} is ${column.kind}.`)
  const low = literalBytes(table, column, prefix)
  return { form: 'bytes', low, high: prefixEnd(low) }
}

/** A literal as the number, or bigint, that the column's values are compared with. */
export function literalNumber(table: string, column: ColumnSchema, literal: Literal): number | bigint {
  const { kind, mode } = column
  if (kind === 'bool' && typeof literal === 'boolean') return literal ? 1 : 0
  if (kind === 'timestamp' && literal instanceof Date && !Number.isNaN(literal.getTime())) return literal.getTime()
  if (kind === 'int64' && mode === 'bigint' && typeof literal === 'bigint') return literal
  if (kind !== 'bool' && !(kind === 'int64' && mode === 'bigint') && typeof literal === 'number') return literal
  throw mistyped(table, column, literal)
}

/** A literal as the bytes that the column's values are compared with. */
export function literalBytes(table: string, column: ColumnSchema, literal: Literal): Uint8Array {
  if (column.kind === 'string' && typeof literal === 'string' && literal.isWellFormed()) return new TextEncoder().encode(literal)
  if (column.kind === 'binary' && literal instanceof Uint8Array) return new Uint8Array(literal)
  throw mistyped(table, column, literal)
}

function mistyped(table: string, column: ColumnSchema, literal: unknown): TypeError {
  const subject = `${table}.${column.name} (${column.kind})`
  if (literal === null || literal === undefined)
    return new TypeError(`A predicate compares ${subject} with ${literal}, which equals nothing; use isNull or notNull.`)
  const wanted = { bool: 'a boolean', timestamp: 'milliseconds or a valid Date', string: 'a well-formed string', binary: 'a Uint8Array' }[
    column.kind as string
  ]
  const number = column.kind === 'int64' && column.mode === 'bigint' ? 'a bigint' : 'a number'
  return new TypeError(`A predicate compares ${subject} with ${wanted ?? number}; got ${describeValue(literal)}.`)
}

function numberComparison(comparison: Comparison, value: number | bigint): NumberRange {
  const below = comparison === 'lt' || comparison === 'lte'
  const above = comparison === 'gt' || comparison === 'gte'
  const open = comparison === 'lt' || comparison === 'gt'
  if (
    Number.isNaN(value) ||
    (comparison === 'gt' && value === Number.POSITIVE_INFINITY) ||
    (comparison === 'lt' && value === Number.NEGATIVE_INFINITY)
  )
    return nothing
  const exact = typeof value === 'bigint' || Number.isInteger(value)
  const wide = typeof value === 'bigint' ? value : wideOf(value)
  const lowWide = below ? wideMin : above && (open || !exact) ? wide + 1n : exact ? wide : wide + 1n
  const highWide = above ? wideMax : below && open && exact ? wide - 1n : wide
  const near = typeof value === 'bigint' ? Number(value) : value
  if (typeof value === 'bigint')
    return {
      form: 'number',
      low: below ? -Infinity : ceilNumber(lowWide),
      high: above ? Infinity : floorNumber(highWide),
      lowWide,
      highWide,
    }
  const low = below ? -Infinity : comparison === 'gt' ? nextUp(near) : near
  const high = above ? Infinity : comparison === 'lt' ? -nextUp(-near) : near
  return { form: 'number', low, high, lowWide, highWide }
}

function bytesComparison(comparison: Comparison, value: Uint8Array): BytesRange {
  const after = new Uint8Array(value.length + 1)
  after.set(value)
  switch (comparison) {
    case 'lt':
      return { form: 'bytes', low: undefined, high: value }
    case 'lte':
      return { form: 'bytes', low: undefined, high: after }
    case 'gt':
      return { form: 'bytes', low: after, high: undefined }
    case 'gte':
      return { form: 'bytes', low: value, high: undefined }
    default:
      return { form: 'bytes', low: value, high: after }
  }
}

/** The integer at or below a number, within 64 bits and a little. */
function wideOf(value: number): bigint {
  if (value >= 2 ** 63) return wideMax + 1n
  if (value < -(2 ** 63)) return wideMin - 1n
  return BigInt(Math.floor(value))
}

/** The least number at or above an integer. */
function ceilNumber(value: bigint): number {
  const near = Number(value)
  return near < value ? nextUp(near) : near
}

/** The greatest number at or below an integer. */
function floorNumber(value: bigint): number {
  const near = Number(value)
  return near > value ? -nextUp(-near) : near
}

const double = new Float64Array(1)
const bits = new BigInt64Array(double.buffer)

/** The next number above. */
export function nextUp(value: number): number {
  if (value === Infinity) return value
  if (value === 0) return Number.MIN_VALUE
  double[0] = value
  bits[0] = (bits[0] as bigint) + (value > 0 ? 1n : -1n)
  return double[0] as number
}
