import type { SchemaElement } from 'hyparquet'
import type { ColumnKind } from '../../schema/column-vector.ts'
import { hexText } from '../cell.ts'
import type { InputColumn } from './table-input.ts'

type Value = boolean | number | bigint | string | Uint8Array

/** A leaf column of a Parquet file: its type in a new table, and how what hyparquet decodes becomes values. */
export interface ParquetColumn extends InputColumn {
  /** A decoded value as a value of the kind `target`; undefined if it is none. */
  read(raw: unknown, target: ColumnKind): Value | undefined
  /** Whether a value lies between two milliseconds: only of timestamps that are finer. */
  isFiner(raw: unknown): boolean
}

/** How the values of one logical type are read. */
interface Reading {
  readonly kind: ColumnKind
  readonly mode?: 'bigint' | 'number'
  /** Default: the raw value. */
  readonly value?: (raw: Raw) => Value | undefined
  /** Raw units in a millisecond, for timestamps. */
  readonly unitsPerMs?: number
  readonly msPerUnit?: number
}

/** What hyparquet decodes of a leaf once `physicalElement` has taken its annotations away. */
type Raw = number | bigint | boolean | string | Uint8Array

/** The column of a leaf element. */
export function parquetColumn(element: SchemaElement): ParquetColumn {
  const reading = readingOf(element)
  const { kind, mode = 'number', unitsPerMs = 1, msPerUnit = 1 } = reading
  const value = reading.value ?? ((raw: Raw) => raw)
  const isTime = kind === 'timestamp'
  return {
    name: element.name,
    kind,
    mode,
    nullable: element.repetition_type !== 'REQUIRED',
    read: (raw, target) => {
      if (isTime && target === 'timestamp') return toMs(raw as Raw, unitsPerMs, msPerUnit)
      return fitting(value(raw as Raw), target)
    },
    isFiner: (raw) =>
      unitsPerMs > 1 && isTime && (typeof raw === 'bigint' ? raw % BigInt(unitsPerMs) !== 0n : Number(raw) % unitsPerMs !== 0),
  }
}

/**
 * The element without the annotations that hyparquet would interpret: its dates, decimals and 64-bit numbers go through
 * values that lose digits or time. What is text stays text.
 */
export function physicalElement(element: SchemaElement): SchemaElement {
  if (element.num_children !== undefined && element.num_children > 0) return element
  const { converted_type: converted, logical_type: logical, ...rest } = element
  return isText(element) ? { ...rest, converted_type: 'UTF8' } : rest
}

function isText({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  if (type !== 'BYTE_ARRAY') return false
  const name = logical?.type
  return converted === 'UTF8' || converted === 'ENUM' || converted === 'JSON' || name === 'STRING' || name === 'ENUM' || name === 'JSON'
}

function readingOf(element: SchemaElement): Reading {
  const { type, converted_type: converted, logical_type: logical } = element
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return decimalReading(element)
  switch (type) {
    case 'BOOLEAN':
      return { kind: 'bool' }
    case 'FLOAT':
      return { kind: 'float' }
    case 'DOUBLE':
      return { kind: 'double' }
    case 'INT32':
      return int32Reading(element)
    case 'INT64':
      return int64Reading(element)
    case 'INT96':
      // Nanoseconds since 1970, computed from days and nanoseconds by hyparquet.
      return { kind: 'timestamp', unitsPerMs: 1_000_000 }
    case 'FIXED_LEN_BYTE_ARRAY':
      if (logical?.type === 'UUID') return { kind: 'string', value: (raw) => uuidText(raw as Uint8Array) }
      if (logical?.type === 'FLOAT16') return { kind: 'float', value: (raw) => halfFloat(raw as Uint8Array) }
      return { kind: 'binary' }
    default:
      return { kind: isText(element) ? 'string' : 'binary' }
  }
}

function int32Reading({ converted_type: converted, logical_type: logical }: SchemaElement): Reading {
  if (converted === 'DATE' || logical?.type === 'DATE') return { kind: 'timestamp', msPerUnit: 86_400_000 }
  const bits = logical?.type === 'INTEGER' ? logical.bitWidth : Number(/\d+$/.exec(converted ?? '')?.[0] ?? 32)
  const signed = logical?.type === 'INTEGER' ? logical.isSigned : !converted?.startsWith('UINT')
  if (signed) return { kind: bits === 8 ? 'int8' : bits === 16 ? 'int16' : 'int32' }
  if (bits < 32) return { kind: bits === 8 ? 'int16' : 'int32' }
  return { kind: 'int64', mode: 'number', value: (raw) => Number(raw) >>> 0 }
}

function int64Reading({ converted_type: converted, logical_type: logical }: SchemaElement): Reading {
  if (logical?.type === 'TIMESTAMP')
    return { kind: 'timestamp', mode: 'bigint', unitsPerMs: logical.unit === 'NANOS' ? 1_000_000 : logical.unit === 'MICROS' ? 1000 : 1 }
  if (converted === 'TIMESTAMP_MILLIS') return { kind: 'timestamp', mode: 'bigint' }
  if (converted === 'TIMESTAMP_MICROS') return { kind: 'timestamp', mode: 'bigint', unitsPerMs: 1000 }
  const unsigned = converted === 'UINT_64' || (logical?.type === 'INTEGER' && !logical.isSigned)
  return { kind: 'int64', mode: 'bigint', ...(unsigned && { value: (raw: Raw) => BigInt.asUintN(64, BigInt(raw as bigint)) }) }
}

/** Exact where a double or an int64 can be; else the digits as text. */
function decimalReading({ precision = 0, scale: ownScale, logical_type: logical }: SchemaElement): Reading {
  const digits = logical?.type === 'DECIMAL' ? logical.precision : precision
  const scale = (logical?.type === 'DECIMAL' ? logical.scale : ownScale) ?? 0
  const unscaled = (raw: Raw) => (raw instanceof Uint8Array ? bigEndian(raw) : BigInt(raw as number | bigint))
  if (scale === 0 && digits <= 18) return { kind: 'int64', mode: digits <= 15 ? 'number' : 'bigint', value: unscaled }
  if (digits <= 15) return { kind: 'double', value: (raw) => Number(`${unscaled(raw)}e${-scale}`) }
  return { kind: 'string', value: (raw) => decimalText(unscaled(raw), scale) }
}

function toMs(raw: Raw, unitsPerMs: number, msPerUnit: number): number | undefined {
  if (typeof raw === 'number') return unitsPerMs === 1 ? raw * msPerUnit : Math.floor(raw / unitsPerMs)
  if (typeof raw !== 'bigint') return undefined
  const near = Number(raw)
  if (unitsPerMs === 1) return near
  if (Number.isSafeInteger(near)) return Math.floor(near / unitsPerMs)
  const units = BigInt(unitsPerMs)
  const ms = raw / units
  return Number(raw % units < 0n ? ms - 1n : ms)
}

/** A value of the file's own kind as one of the table's kind, where nothing is lost. The engine checks ranges. */
function fitting(value: Value | undefined, target: ColumnKind): Value | undefined {
  switch (target) {
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'binary':
      return value instanceof Uint8Array ? value : undefined
    case 'bool':
      return typeof value === 'boolean' ? value : undefined
    case 'int64':
      return typeof value === 'bigint'
        ? BigInt.asIntN(64, value) === value
          ? value
          : undefined
        : typeof value === 'number' && Number.isInteger(value)
          ? value
          : undefined
    default:
      if (typeof value === 'number') return value
      return typeof value === 'bigint' && BigInt(Number(value)) === value ? Number(value) : undefined
  }
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${hexText(bytes)}`))
}

function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled)
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function uuidText(bytes: Uint8Array): string {
  return hexText(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** IEEE 754 half precision, little-endian. */
function halfFloat(bytes: Uint8Array): number {
  const bits = ((bytes[1] as number) << 8) | (bytes[0] as number)
  const sign = bits >> 15 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024)
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
}
