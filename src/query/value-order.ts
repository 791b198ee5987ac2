import { compareBytes } from '../schema/key-encoding.ts'
import type { ColumnValue } from '../schema/table-schema.ts'

/**
 * The order of values of one column, as `orderBy` uses it: null first, then false and true, numbers (−0 equals 0; NaN
 * after all others, equal to itself), strings by code point, bytes as unsigned numbers. Negative, 0 or positive.
 */
export function compareValues(a: ColumnValue, b: ColumnValue): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1
  if (typeof a === 'string') return compareCodePoints(a, b as string)
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array)
  if (a < b) return -1
  if (a > b) return 1
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}

/** Strings by code point: as by UTF-16 unit, but that surrogates (of code points from U+10000 on) come last. */
export function compareCodePoints(a: string, b: string): number {
  const common = Math.min(a.length, b.length)
  for (let i = 0; i < common; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return raised(x) - raised(y)
  }
  return a.length - b.length
}

function raised(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
