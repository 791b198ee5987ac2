import { VarveError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { ColumnSchema, ColumnValue } from './table-schema.ts'

/** A value as it is stored: never null, a timestamp as milliseconds. */
export type StoredValue = Exclude<ColumnValue, null>

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n
/** The range of a JavaScript `Date`, in milliseconds either side of 1970. */
export const timestampMsMax = 8.64e15

const intBits = { int8: 8, int16: 16, int32: 32 } as const

/**
 * Checks one value against its column and gives it in stored form (a `Date` as milliseconds, −0 in a whole-number column as 0).
 * This is the one definition of what fits a column; faster paths may only accept what it accepts. The value must not
 * be null or undefined (see `nullProblem`). Throws INVALID_VALUE { table, column, rowIndex }.
 */
export function checkValue(table: string, column: ColumnSchema, value: unknown, rowIndex?: number): StoredValue {
  const problem = valueProblem(column, value)
  if (problem !== undefined) throw invalidValue(table, column.name, rowIndex, problem)
  if (value instanceof Date) return value.getTime()
  return value === 0 && column.kind !== 'float' && column.kind !== 'double' ? 0 : (value as StoredValue)
}

/** What is wrong with a value (neither null nor undefined) for a column, and what to do; undefined if it fits. */
export function valueProblem(column: ColumnSchema, value: unknown): string | undefined {
  switch (column.kind) {
    case 'bool':
      return typeof value === 'boolean' ? undefined : wrongType(column, value, 'true or false')
    case 'int8':
    case 'int16':
    case 'int32':
      return intProblem(column, value, intBits[column.kind])
    case 'int64':
      return column.mode === 'bigint' ? bigintProblem(column, value) : safeIntProblem(column, value)
    case 'float':
    case 'double':
      return floatProblem(column, value)
    case 'timestamp':
      return timestampProblem(column, value)
    case 'string':
      if (typeof value !== 'string') return wrongType(column, value, 'a string')
      return value.isWellFormed() ? undefined : `${describeValue(value)} has a lone surrogate; repair it with toWellFormed()`
    case 'binary':
      return value instanceof Uint8Array ? undefined : wrongType(column, value, 'a Uint8Array')
  }
}

/** What is wrong with null or undefined in a column that takes neither. */
export function nullProblem(value: null | undefined): string {
  return value === null
    ? 'null is not allowed; give a value, or declare the column nullable()'
    : 'the value is missing; give one, or declare the column nullable() or with a default()'
}

/** The error for one bad value; the message names table, column and row. */
export function invalidValue(table: string, column: string | undefined, rowIndex: number | undefined, problem: string): VarveError {
  const at = column === undefined ? `table ${table}` : `${table}.${column}`
  const row = rowIndex === undefined ? '' : `, row ${rowIndex}`
  return new VarveError('INVALID_VALUE', `${at}${row}: ${problem}.`, { context: { table, column, rowIndex } })
}

/** The error for a column that is not there, with the nearest one that is. */
export function unknownColumn(table: string, column: string, known: readonly string[], rowIndex: number | undefined): VarveError {
  const row = rowIndex === undefined ? '' : `, row ${rowIndex}`
  return new VarveError(
    'INVALID_VALUE',
    `${table}${row}: there is no column ${JSON.stringify(column)} here; there are ${known.join(', ')}.${didYouMean(column, known)}`,
    {
      context: { table, column, rowIndex },
    },
  )
}

/** A value as an error message shows it: short, and with its type to be seen. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : `the Date ${value.toISOString()}`
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name ?? 'without prototype'})`
  return Object.is(value, -0) ? '-0' : String(value)
}

function wrongType(column: ColumnSchema, value: unknown, wanted: string): string {
  return `${describeValue(value)} is not a valid ${column.kind}; give ${wanted}`
}

function intProblem(column: ColumnSchema, value: unknown, bits: number): string | undefined {
  if (typeof value !== 'number') return wrongType(column, value, 'a whole number')
  if (!Number.isInteger(value)) return `${value} is not a whole number; round it, or use a double() column`
  const max = 2 ** (bits - 1)
  if (value >= -max && value < max) return undefined
  return `${value} is outside ${-max} … ${max - 1}; use a wider column`
}

function safeIntProblem(column: ColumnSchema, value: unknown): string | undefined {
  if (typeof value !== 'number') return wrongType(column, value, "a whole number, or declare int64({ mode: 'bigint' })")
  if (Number.isSafeInteger(value)) return undefined
  if (!Number.isInteger(value)) return `${value} is not a whole number; round it, or use a double() column`
  return `${value} is outside ±(2^53 − 1), where a number loses digits; declare int64({ mode: 'bigint' }) and give a bigint`
}

function bigintProblem(column: ColumnSchema, value: unknown): string | undefined {
  if (typeof value !== 'bigint') return wrongType(column, value, "a bigint (5n), or declare int64({ mode: 'number' })")
  return value >= int64Min && value <= int64Max ? undefined : `${value}n is outside −2^63 … 2^63 − 1; it does not fit 64 bits`
}

function floatProblem(column: ColumnSchema, value: unknown): string | undefined {
  if (typeof value !== 'number') return wrongType(column, value, 'a number')
  if (column.kind === 'double' || Number.isFinite(value) === Number.isFinite(Math.fround(value))) return undefined
  return `${value} is beyond what 32 bits hold; use a double() column`
}

function timestampProblem(column: ColumnSchema, value: unknown): string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'the Date is invalid; check how it was parsed' : undefined
  if (typeof value !== 'number') return wrongType(column, value, 'milliseconds since 1970 as a whole number, or a Date')
  if (Number.isInteger(value)) {
    return Math.abs(value) <= timestampMsMax
      ? undefined
      : `${value} is outside the range of a Date (±8.64e15 ms); divide it if it is in micro- or nanoseconds`
  }
  return `${value} is not a whole number of milliseconds; use Math.round(), or keep finer time in an int64() column`
}
