import type { ColumnVector } from '../schema/column-vector.ts'
import { defaultRowsPerGroup } from './sstable.ts'

/**
 * Bytes that a decoded row group should not exceed by much, and one column of it: what a point read reads of a row that is
 * in no cache, and what a merge holds of each of its inputs.
 */
const groupBytesMax = 512 * 1024
const columnBytesMax = 256 * 1024

/** Below this, what each group costs beside its rows would show. */
const rowsMin = 128

/** How many rows go into each row group of an SSTable whose rows are like these: a power of two, no more than 8192. */
export function rowsPerGroupFor(columns: readonly ColumnVector[]): number {
  const rowCount = columns[0]?.length ?? 0
  const sizes = columns.map(decodedBytes)
  const groupBytes = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const columnBytes = Math.max(0, ...sizes)
  let rows = defaultRowsPerGroup
  while (rows > rowsMin && (rows * groupBytes > groupBytesMax * rowCount || rows * columnBytes > columnBytesMax * rowCount)) rows /= 2
  return rows
}

/** Of the rows alone, though a vector may lie over the buffers of more. */
function decodedBytes(vector: ColumnVector): number {
  const nullBytes = vector.nulls?.byteLength ?? 0
  switch (vector.form) {
    case 'fixed':
      return nullBytes + vector.values.byteLength
    case 'bytes':
      return nullBytes + vector.offsets.byteLength + (vector.offsets[vector.length] as number) - (vector.offsets[0] as number)
    case 'dictionary':
      return nullBytes + vector.codes.byteLength + decodedBytes(vector.dictionary)
  }
}
