import { type CachedRow, type KeyBlock, keyLayout, type RowImage, rowImage, type TableSchema, valueBytesOf } from '../../src/plugin.ts'

/** The room that a shard begins with, in rows. */
export const firstCapacity = 32
/** About what a shard takes beside its rows: itself, and the headers of its arrays. */
const shardOverheadBytes = 1024
/** Of a row: its state, and two slots of two words. */
const indexBytesPerRow = 1 + 2 * 8

/** How the rows of one tablet lie in its shards. */
export interface RowLayout {
  readonly image: RowImage
  /** 0 for variable keys, which lie behind the row's values, as text of a byte a character: a buffer each would take 200 bytes more. */
  readonly wordsPerKey: number
  /** The row's numbers, its hash, its key of fixed width. */
  readonly doublesPerRow: number
  readonly valuesPerRow: number
  readonly bytesPerRow: number
  /** What a row's values, and its key if variable, take beyond their places. */
  valueBytesOf(keys: KeyBlock, i: number, row: CachedRow): number
  /** The same of a row in its place. */
  valueBytesAt(values: readonly unknown[], v: number): number
  keyText(keys: VariableKeys, i: number): string
  /** The least room for so many rows. */
  capacityFor(rowCount: number): number
}

type VariableKeys = Extract<KeyBlock, { form: 'variable' }>

export function rowLayout(schema: TableSchema): RowLayout {
  const key = keyLayout(schema)
  const image = rowImage(schema.columns)
  const wordsPerKey = key.form === 'fixed' ? key.wordsPerKey : 0
  const doublesPerRow = image.numbersPerRow + Math.ceil((1 + wordsPerKey) / 2)
  const valuesPerRow = image.valuesPerRow + (wordsPerKey === 0 ? 1 : 0)
  return {
    image,
    wordsPerKey,
    doublesPerRow,
    valuesPerRow,
    bytesPerRow: (doublesPerRow + valuesPerRow) * 8 + image.nullsPerRow + indexBytesPerRow,
    valueBytesOf(keys, i, row) {
      const valueBytes = image.valueBytesOf(row)
      return keys.form === 'fixed' ? valueBytes : valueBytes + valueBytesOf(keyText(keys, i))
    },
    valueBytesAt(values, v) {
      let bytes = 0
      for (let k = v; k < v + valuesPerRow; k++) bytes += valueBytesOf(values[k])
      return bytes
    },
    keyText,
    capacityFor(rowCount) {
      let capacity = firstCapacity
      while (capacity < rowCount) capacity *= 2
      return capacity
    },
  }
}

/** What a shard with room for so many rows takes, whatever is in it. */
export function shardBytes(layout: RowLayout, capacity: number): number {
  return capacity === 0 ? 0 : shardOverheadBytes + capacity * layout.bytesPerRow
}

function keyText(keys: VariableKeys, i: number): string {
  const { buffer, byteOffset, byteLength } = keys.bytes
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('latin1', keys.offsets[i], keys.offsets[i + 1])
}
