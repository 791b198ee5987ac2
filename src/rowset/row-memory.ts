import type { ColumnVector, DictionaryVector, KeyBlock, RowBlock } from '../schema/column-vector.ts'

/** Bytes a row takes in a MemRowSet besides its key and its columns: the timestamp, and its share of the hash index. */
const rowBytes = 8 + 20

/**
 * About what rows take once they are in a MemRowSet, in bytes. Not what they take as they are: few long strings in a
 * dictionary become as many as there are rows, and a row of one small number has a key, a timestamp, a place in the index.
 */
export function memoryBytesOf(rows: RowBlock, keys: KeyBlock): number {
  const { count } = keys
  let total = count * rowBytes + (keys.form === 'fixed' ? 4 * keys.wordsPerKey * count : 4 * count + (keys.offsets[count] as number))
  for (const column of rows.columns) total += columnBytes(column)
  return total
}

function columnBytes(vector: ColumnVector): number {
  const { length } = vector
  const nullBytes = vector.nulls === undefined ? 0 : length
  if (vector.form === 'fixed') return nullBytes + length * vector.values.BYTES_PER_ELEMENT
  const textBytes =
    vector.form === 'dictionary' ? dictionaryBytes(vector) : (vector.offsets[length] as number) - (vector.offsets[0] as number)
  return nullBytes + 4 * length + textBytes
}

function dictionaryBytes({ codes, length, dictionary }: DictionaryVector): number {
  const { offsets } = dictionary
  let total = 0
  for (let i = 0; i < length; i++) {
    const code = codes[i] as number
    total += (offsets[code + 1] as number) - (offsets[code] as number)
  }
  return total
}
