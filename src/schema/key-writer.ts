import { VarveError } from '../base/errors.ts'
import { keyBytesMax } from './key-layout.ts'

/** Writes a range escaped and terminated (`bytes` is zeroed or is overwritten in order); returns the end position. */
export function writeEscapedRange(bytes: Uint8Array, at: number, source: Uint8Array, from: number, to: number): number {
  for (let k = from; k < to; k++) {
    const byte = source[k] as number
    bytes[at++] = byte
    if (byte === 0) bytes[at++] = 0xff
  }
  bytes[at] = 0
  bytes[at + 1] = 0
  return at + 2
}

/** Writes the two halves of an encoded 8-byte value; returns the end position. */
export function writeWideBytes(bytes: Uint8Array, at: number, high: number, low: number): number {
  return writeLeftBytes(bytes, writeLeftBytes(bytes, at, high, 4), low, 4)
}

/** Writes the leftmost `widthBytes` bytes of a word; returns the end position. */
export function writeLeftBytes(bytes: Uint8Array, at: number, word: number, widthBytes: number): number {
  for (let k = 0, shift = 24; k < widthBytes; k++, shift -= 8) bytes[at++] = word >>> shift
  return at
}

/** The error for a key above `keyBytesMax`. */
export function keyTooLong(table: string, column: string, length: number, rowIndex: number | undefined): VarveError {
  const row = rowIndex === undefined ? '' : `, row ${rowIndex}`
  return new VarveError(
    'INVALID_VALUE',
    `${table}.${column}${row}: the key takes ${length} bytes encoded, more than ${keyBytesMax}; use a shorter key, for example a hash of the long value.`,
    { context: { table, column, rowIndex } },
  )
}
