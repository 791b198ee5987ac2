/**
 * Values as people and files write them, in the form that a column takes. One place, so that what an import accepts a
 * `--where` and a key accept too. Undefined means: this is no value of the kind.
 */
import type { ColumnKind } from '../schema/column-vector.ts'
import type { Cell } from './cell.ts'

type Value = Exclude<Cell, null>

const integer = /^[+-]?\d+$/
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const isoTime = /^([+-]\d{6}|\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([Zz]|[+-]\d{2}:?\d{2}))?)?$/
const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n
const timestampMsMax = 8.64e15

/** A text, e.g. a CSV field, as a value of the kind. Integers beyond ±(2^53 − 1) are bigints. */
export function valueOfText(kind: ColumnKind, text: string): Value | undefined {
  switch (kind) {
    case 'string':
      return text
    case 'bool':
      return boolOfText(text)
    case 'int8':
    case 'int16':
    case 'int32':
      return integer.test(text) ? Number(text) : undefined
    case 'int64':
      return integerOfText(text)
    case 'float':
    case 'double':
      return numberOfText(text)
    case 'timestamp':
      return timestampOfText(text)
    case 'binary':
      return bytesOfText(text)
  }
}

/** A value of JSON (with bigints for integers that a number cannot hold) as a value of the kind. Objects and arrays fit strings, as JSON. */
export function valueOfJson(kind: ColumnKind, value: unknown): Value | undefined {
  if (kind === 'string') return typeof value === 'string' ? value : jsonText(value)
  if (kind === 'bool') return typeof value === 'boolean' ? value : undefined
  if (typeof value === 'number') return kind === 'binary' ? undefined : value
  if (typeof value === 'bigint') {
    if (kind === 'int64') return value >= int64Min && value <= int64Max ? value : undefined
    return kind === 'double' && BigInt(Number(value)) === value ? Number(value) : undefined
  }
  if (typeof value !== 'string') return value instanceof Uint8Array && kind === 'binary' ? value : undefined
  if (kind === 'timestamp') return isoTime.test(value) ? timestampOfText(value) : undefined
  if (kind === 'int64') return integerOfText(value)
  if (kind === 'binary') return bytesOfText(value)
  return kind === 'double' || kind === 'float' ? notFinite(value) : undefined
}

/** What a value of the kind looks like, for error messages: `"abc" is not …`. */
export function kindText(kind: ColumnKind): string {
  switch (kind) {
    case 'bool':
      return 'a bool (true or false)'
    case 'int8':
    case 'int16':
    case 'int32':
      return `an ${kind} (a whole number)`
    case 'int64':
      return 'an int64 (a whole number of at most 64 bits)'
    case 'float':
    case 'double':
      return `a ${kind} (a number)`
    case 'timestamp':
      return 'a timestamp (like 2026-11-23 or 2026-11-23T08:30:00.000Z, to the millisecond)'
    case 'string':
      return 'a string'
    case 'binary':
      return 'binary (hexadecimal digits, two a byte)'
  }
}

/** Milliseconds since 1970 of an ISO 8601 date or date and time; without a zone it is UTC. Undefined for what is finer than a millisecond, or no date. */
export function timestampOfText(text: string): number | undefined {
  const match = isoTime.exec(text)
  if (!match) return /^-?\d{6,}$/.test(text) && Math.abs(Number(text)) <= timestampMsMax ? Number(text) : undefined
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone = ''] = match
  if (!/^0*$/.test(fraction.slice(3))) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, '0')))
  const ms = date.getTime() - zoneMs(zone)
  return Math.abs(ms) <= timestampMsMax ? ms : undefined
}

function zoneMs(zone: string): number {
  if (zone === '' || zone === 'Z' || zone === 'z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

function boolOfText(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  if (lower === 'true' || lower === '1') return true
  return lower === 'false' || lower === '0' ? false : undefined
}

function integerOfText(text: string): number | bigint | undefined {
  if (!integer.test(text)) return undefined
  const near = Number(text)
  if (Number.isSafeInteger(near)) return near
  const exact = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return exact >= int64Min && exact <= int64Max ? exact : undefined
}

function numberOfText(text: string): number | undefined {
  return decimal.test(text) ? Number(text) : notFinite(text)
}

function notFinite(text: string): number | undefined {
  const lower = text.toLowerCase()
  if (lower === 'nan') return Number.NaN
  if (lower === 'infinity' || lower === 'inf') return Number.POSITIVE_INFINITY
  return lower === '-infinity' || lower === '-inf' ? Number.NEGATIVE_INFINITY : undefined
}

function bytesOfText(text: string): Uint8Array | undefined {
  return text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : undefined
}

function jsonText(value: unknown): string | undefined {
  return value === undefined || value instanceof Uint8Array ? undefined : exactJson(value)
}

/** JSON with bigints as the digits that they came from. */
function exactJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(exactJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([name, item]) => `${JSON.stringify(name)}:${exactJson(item)}`)
      .join(',')}}`
  }
  return JSON.stringify(value)
}
