/**
 * What an open SSTable keeps in memory: its metadata in the terms of the current schema, and the sparse key index. The
 * reader asks it where things are; it reads nothing itself.
 */

import type { KeyBlock } from '../schema/column-vector.ts'
import { compareKeys, compareKeyToBytes, type EncodedKeyRange, keysFromBytes } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { SSTableMetadata } from './sstable-metadata.ts'

export class SSTableIndex {
  readonly metadata: SSTableMetadata
  /** Blocks in each row group: the columns and the timestamps. */
  readonly stride: number
  readonly filterOrdinal: number
  /** By position in the schema: the column's index in the file, −1 where the file lacks it. */
  readonly columnIndexes: Int32Array
  readonly #firstKeys: KeyBlock
  readonly #maxKey: KeyBlock

  /** Throws, for the caller to report as corruption, if the file is not one of the table that `schema` describes. */
  constructor(metadata: SSTableMetadata, schema: TableSchema) {
    this.metadata = metadata
    this.stride = metadata.columns.length + 1
    this.filterOrdinal = metadata.groupCount * this.stride
    this.columnIndexes = Int32Array.from(schema.columns, ({ id, name, kind }) => {
      const index = metadata.columns.findIndex((column) => column.id === id)
      const stored = metadata.columns[index]
      if (stored !== undefined && stored.kind !== kind)
        throw new RangeError(`its column ${name} (${id}) is of kind ${stored.kind}, that of the table ${kind}`)
      return index
    })
    const keyIds = metadata.keyColumns.map((index) => metadata.columns[index]?.id)
    const expected = schema.keyColumns.map((position) => schema.columns[position]?.id)
    if (keyIds.join() !== expected.join()) throw new RangeError(`its key is columns ${keyIds.join()}, that of the table ${expected.join()}`)
    this.#firstKeys = keysFromBytes(schema, metadata.firstKeys)
    this.#maxKey = keysFromBytes(schema, [metadata.maxKey])
  }

  /** Memory held, about. */
  get byteLength(): number {
    const { metadata } = this
    const keys = this.#firstKeys
    const keyBytes = keys.form === 'fixed' ? keys.words.byteLength : keys.offsets.byteLength + keys.bytes.byteLength
    const firstKeys = metadata.firstKeys.reduce((total, key) => total + 128 + key.length, 0)
    return 4096 + keyBytes + firstKeys + metadata.zoneMaps.byteLength + metadata.blockOffsets.byteLength + metadata.encodings.byteLength
  }

  /** The cache's number for the keys of a group: above every block of the file. */
  keysOrdinal(group: number): number {
    return this.filterOrdinal + 2 + group
  }

  groupRowCount(group: number): number {
    const { rows, rowsPerGroup } = this.metadata
    return Math.min(rowsPerGroup, rows - group * rowsPerGroup)
  }

  blockOffset(ordinal: number): number {
    return this.metadata.blockOffsets[ordinal] as number
  }

  blockEnd(ordinal: number): number {
    return this.metadata.blockOffsets[ordinal + 1] as number
  }

  /** The group that would hold key i, or −1 if it lies outside of all keys. */
  locateGroup(keys: KeyBlock, i: number): number {
    let low = 0
    let high = this.#firstKeys.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#firstKeys, middle, keys, i) <= 0) low = middle + 1
      else high = middle
    }
    return low === this.#firstKeys.count && compareKeys(this.#maxKey, 0, keys, i) < 0 ? -1 : low - 1
  }

  /** The groups that may hold keys of a range: `from` inclusive, `to` exclusive; equal if there are none. */
  groupsInRange({ lower, upper }: Pick<EncodedKeyRange, 'lower' | 'upper'>): { from: number; to: number } {
    if (lower !== undefined && compareKeyToBytes(this.#maxKey, 0, lower) < 0) return { from: 0, to: 0 }
    const to = upper === undefined ? this.#firstKeys.count : this.#groupsBelow(upper)
    const from = lower === undefined ? 0 : Math.max(0, this.#groupsBelow(lower) - 1)
    // A group that begins exactly at the lower bound makes the one before it superfluous; both bounds are exact otherwise.
    const start =
      lower !== undefined && from + 1 < this.#firstKeys.count && compareKeyToBytes(this.#firstKeys, from + 1, lower) <= 0 ? from + 1 : from
    return start < to ? { from: start, to } : { from: 0, to: 0 }
  }

  /** How many groups begin below a bound. */
  #groupsBelow(bound: Uint8Array): number {
    let low = 0
    let high = this.#firstKeys.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeyToBytes(this.#firstKeys, middle, bound) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
