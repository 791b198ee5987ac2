import { VarveError } from '../base/errors.ts'
import type { KeyBlock } from './column-vector.ts'
import { type KeyColumn, type KeyLayout, keyPlan } from './key-layout.ts'
import { wordAt } from './key-search.ts'
import type { ColumnValue, TableSchema } from './table-schema.ts'
import { readUtf8 } from './utf8.ts'

/** The encoded bytes of key i, without padding: a fresh copy. `layout` is that of the keys' table. */
export function keyBytes(keys: KeyBlock, i: number, layout: KeyLayout): Uint8Array {
  if (keys.form === 'variable') return keys.bytes.slice(keys.offsets[i], keys.offsets[i + 1])
  const length = layout.form === 'fixed' ? layout.bytesPerKey : keys.wordsPerKey * 4
  const bytes = new Uint8Array(length)
  const from = i * keys.wordsPerKey
  for (let k = 0; k < length; k++) bytes[k] = (keys.words[from + (k >>> 2)] as number) >>> (24 - (k & 3) * 8)
  return bytes
}

/** A block of keys from their encoded bytes, in the order given. Throws CORRUPTION if a length cannot be of this table. */
export function keysFromBytes(schema: TableSchema, list: readonly Uint8Array[]): KeyBlock {
  const { layout } = keyPlan(schema)
  const count = list.length
  if (layout.form === 'fixed') {
    const { wordsPerKey, bytesPerKey } = layout
    const words = new Uint32Array(count * wordsPerKey)
    for (let i = 0; i < count; i++) {
      const bytes = list[i] as Uint8Array
      if (bytes.length !== bytesPerKey) throw malformedKey(schema, `it has ${bytes.length} bytes instead of ${bytesPerKey}`)
      for (let w = 0; w < wordsPerKey; w++) words[i * wordsPerKey + w] = wordAt(bytes, w * 4)
    }
    return { form: 'fixed', count, wordsPerKey, words }
  }
  const offsets = new Uint32Array(count + 1)
  for (let i = 0; i < count; i++) offsets[i + 1] = (offsets[i] as number) + (list[i] as Uint8Array).length
  const bytes = new Uint8Array(offsets[count] as number)
  for (let i = 0; i < count; i++) bytes.set(list[i] as Uint8Array, offsets[i])
  return { form: 'variable', count, offsets, bytes }
}

/**
 * Where the encoding of each key column ends in an encoded key or a prefix of whole columns. Columns that the prefix
 * does not reach are left out. Throws CORRUPTION if the bytes are neither.
 */
export function keyColumnEnds(schema: TableSchema, bytes: Uint8Array): number[] {
  const ends: number[] = []
  let at = 0
  for (const keyColumn of keyPlan(schema).columns) {
    if (at === bytes.length) break
    const end = columnEnd(keyColumn, bytes, at)
    if (end < 0) throw malformedKey(schema, `column ${keyColumn.column.name} has no end`)
    at = end
    ends.push(at)
  }
  if (at !== bytes.length) throw malformedKey(schema, `${bytes.length - at} bytes follow its last column`)
  return ends
}

/** Where the encodings of the first `count` key columns end, for bytes that may be any bound; undefined if they do not hold so many whole ones. */
export function leadingColumnEnds(schema: TableSchema, bytes: Uint8Array, count: number): number[] | undefined {
  const ends: number[] = []
  let at = 0
  for (const keyColumn of keyPlan(schema).columns) {
    if (ends.length === count) break
    at = columnEnd(keyColumn, bytes, at)
    if (at < 0) return undefined
    ends.push(at)
  }
  return ends
}

/**
 * The values of the key columns, in key order: the inverse of `encodeKey`. A prefix of whole columns gives the leading
 * values. int64 shows as the column's mode says. Throws CORRUPTION if the bytes are not a key of this table.
 */
export function decodeKey(schema: TableSchema, bytes: Uint8Array): ColumnValue[] {
  const values: ColumnValue[] = []
  let at = 0
  const ends = keyColumnEnds(schema, bytes)
  const { columns } = keyPlan(schema)
  for (let k = 0; k < ends.length; k++) {
    const end = ends[k] as number
    values.push(decodeColumn(columns[k] as KeyColumn, bytes, at, end))
    at = end
  }
  return values
}

/** A key as an application names it: the bare value for a one-column key, else an object. */
export function keyValuesToObject(schema: TableSchema, values: readonly ColumnValue[]): ColumnValue | Record<string, ColumnValue> {
  if (schema.keyColumns.length === 1) return values[0] as ColumnValue
  const key: Record<string, ColumnValue> = {}
  keyPlan(schema).columns.forEach(({ column }, k) => {
    key[column.name] = values[k] as ColumnValue
  })
  return key
}

/** Where a column's encoding that begins at `at` ends, or −1 if the bytes end first or cannot be one. */
function columnEnd({ widthBytes }: KeyColumn, bytes: Uint8Array, at: number): number {
  if (widthBytes > 0) return at + widthBytes > bytes.length ? -1 : at + widthBytes
  for (let k = at; k + 1 < bytes.length; k++) {
    if (bytes[k] !== 0) continue
    if (bytes[k + 1] === 0) return k + 2
    if (bytes[k + 1] !== 0xff) return -1
    k++
  }
  return -1
}

function decodeColumn({ widthBytes, column }: KeyColumn, bytes: Uint8Array, at: number, end: number): ColumnValue {
  if (widthBytes === 8) {
    const high = (wordAt(bytes, at) ^ 0x80000000) | 0
    const low = wordAt(bytes, at + 4)
    const wide = column.kind === 'int64' && column.mode === 'bigint'
    return wide ? (BigInt(high) << 32n) | BigInt(low) : high * 4294967296 + low
  }
  if (column.kind === 'bool') return bytes[at] === 1
  if (widthBytes > 0) return ((wordAt(bytes, at) ^ 0x80000000) | 0) >> (32 - widthBytes * 8)
  const raw = unescaped(bytes, at, end - 2)
  return column.kind === 'string' ? readUtf8(raw, 0, raw.length) : raw
}

function unescaped(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const raw = new Uint8Array(to - from)
  let length = 0
  for (let k = from; k < to; k++) {
    raw[length++] = bytes[k] as number
    if (bytes[k] === 0) k++
  }
  return raw.slice(0, length)
}

function malformedKey(schema: TableSchema, what: string): VarveError {
  return new VarveError('CORRUPTION', `A key of table ${schema.name} is malformed: ${what}.`, { context: { table: schema.name } })
}
