import { invariant } from '../base/errors.ts'
import { checkValue, invalidValue, timestampMsMax } from './column-value.ts'
import type { FixedArray } from './column-vector.ts'
import type { ColumnSchema } from './table-schema.ts'
import { fixedArrayOf } from './vector-ops.ts'

/** What an application may give for a column of fixed width. */
export type NumberArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

/** Whether a value is a typed array of any kind. */
export function isNumberArray(values: unknown): values is NumberArray {
  return ArrayBuffer.isView(values) && !(values instanceof DataView)
}

/**
 * A typed array as the values of a column's vector: the array itself where its kind is the column's own, every value
 * is allowed and null rows hold 0; else a copy. `firstRow` is the input's row at index 0, for INVALID_VALUE.
 */
export function checkedFixed(
  table: string,
  column: ColumnSchema,
  values: NumberArray,
  nulls: Uint8Array | undefined,
  firstRow: number,
): FixedArray {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return checkedWide(table, column, values, nulls, firstRow)
  const bad = values.length === 0 ? -1 : firstBad(column, values, nulls)
  if (bad >= 0) throw problemAt(table, column, values[bad] as number, firstRow + bad)
  const own = fixedArrayOf(column.kind, 0)
  if (own.constructor === values.constructor && isClean(column, values, nulls)) return values as FixedArray
  const copy = fixedArrayOf(column.kind, values.length)
  copy.set(values)
  for (let i = 0; i < copy.length; i++) if ((nulls !== undefined && nulls[i] === 1) || (isWhole(column) && copy[i] === 0)) copy[i] = 0
  return copy
}

function isWhole({ kind }: ColumnSchema): boolean {
  return kind !== 'float' && kind !== 'double'
}

/** The first index whose value does not fit the column and is not null, or −1. */
function firstBad(
  { kind }: ColumnSchema,
  values: Exclude<NumberArray, BigInt64Array | BigUint64Array>,
  nulls: Uint8Array | undefined,
): number {
  switch (kind) {
    case 'bool':
      return values instanceof Uint8Array ? firstNotWhole(values, 0, 1, nulls) : 0
    case 'int8':
      return values instanceof Int8Array ? -1 : firstNotWhole(values, -128, 127, nulls)
    case 'int16':
      return values instanceof Int16Array ? -1 : firstNotWhole(values, -32768, 32767, nulls)
    case 'int32':
      return values instanceof Int32Array ? -1 : firstNotWhole(values, -(2 ** 31), 2 ** 31 - 1, nulls)
    case 'timestamp':
      return firstNotWhole(values, -timestampMsMax, timestampMsMax, nulls)
    case 'int64':
      return firstNotWhole(values, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, nulls)
    case 'float':
      return values instanceof Float64Array ? firstNotFloat(values, nulls) : -1
    default:
      return -1
  }
}

function firstNotWhole(values: ArrayLike<number>, min: number, max: number, nulls: Uint8Array | undefined): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (!(value >= min && value <= max && Math.floor(value) === value) && !(nulls !== undefined && nulls[i] === 1)) return i
  }
  return -1
}

function firstNotFloat(values: Float64Array, nulls: Uint8Array | undefined): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    const lost = Number.isFinite(value) && !Number.isFinite(Math.fround(value))
    if (lost && !(nulls !== undefined && nulls[i] === 1)) return i
  }
  return -1
}

/** Whether nothing has to be rewritten: null rows hold 0, and no whole number is −0. */
function isClean(column: ColumnSchema, values: ArrayLike<number>, nulls: Uint8Array | undefined): boolean {
  if (nulls !== undefined) {
    for (let i = 0; i < values.length; i++) if (nulls[i] === 1 && !Object.is(values[i], 0)) return false
  }
  if (!isWhole(column) || !(values instanceof Float64Array)) return true
  for (let i = 0; i < values.length; i++) if (values[i] === 0 && Object.is(values[i], -0)) return false
  return true
}

function problemAt(table: string, column: ColumnSchema, value: number, rowIndex: number): Error {
  if (column.kind === 'bool')
    return invalidValue(
      table,
      column.name,
      rowIndex,
      `${value} is not a valid bool; give a Uint8Array of 0 and 1, or an array of true and false`,
    )
  const asNumber: ColumnSchema = { ...column, mode: 'number' }
  try {
    checkValue(table, asNumber, value, rowIndex)
  } catch (error) {
    if (error instanceof Error) return error
  }
  invariant(false, `A value was refused that fits its column: ${value} in ${table}.${column.name}.`)
}

/** 64-bit integers: doubles if all lie within ±(2^53 − 1), as a vector must hold them then. */
function checkedWide(
  table: string,
  column: ColumnSchema,
  values: BigInt64Array | BigUint64Array,
  nulls: Uint8Array | undefined,
  firstRow: number,
): FixedArray {
  const doubles = new Float64Array(values.length)
  let safe = true
  for (let i = 0; i < values.length; i++) {
    if (nulls !== undefined && nulls[i] === 1) continue
    doubles[i] = Number(values[i])
    if (!Number.isSafeInteger(doubles[i])) safe = false
  }
  if (!safe && !isWhole(column)) {
    const i = doubles.findIndex((double) => !Number.isSafeInteger(double))
    throw invalidValue(
      table,
      column.name,
      firstRow + i,
      `${values[i]}n would lose digits in a ${column.kind} column; use an int64() column`,
    )
  }
  if (column.kind !== 'int64') return checkedFixed(table, column, doubles, nulls, firstRow)
  if (safe) return doubles
  const wide = new BigInt64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    if (nulls !== undefined && nulls[i] === 1) continue
    const value = values[i] as bigint
    if (column.mode === 'number' && !Number.isSafeInteger(doubles[i])) checkValue(table, column, Number(value), firstRow + i)
    checkValue(table, { ...column, mode: 'bigint' }, value, firstRow + i)
    wide[i] = value
  }
  return wide
}
