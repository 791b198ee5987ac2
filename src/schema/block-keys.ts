import { VarveError } from '../base/errors.ts'
import type {
  BytesVector,
  ColumnVector,
  DictionaryVector,
  FixedArray,
  FixedKeys,
  FixedVector,
  KeyBlock,
  RowBlock,
  VariableKeys,
} from './column-vector.ts'
import { type FixedKeyLayout, type KeyColumn, type KeyPlan, keyBytesMax, keyPlan } from './key-layout.ts'
import { keyTooLong, writeEscapedRange, writeLeftBytes, writeWideBytes } from './key-writer.ts'
import type { TableSchema } from './table-schema.ts'
import { gatherVector } from './vector-ops.ts'

/**
 * Encodes the keys of validated rows, column by column. Throws INVALID_VALUE { table, column, rowIndex } for a key of
 * more than `keyBytesMax` encoded bytes; `inputRows` says where in the caller's input the block's rows stood: from which
 * index on, or at which ones.
 */
export function encodeKeys(schema: TableSchema, rows: RowBlock, inputRows: number | Int32Array = 0): KeyBlock {
  const plan = keyPlan(schema)
  return plan.layout.form === 'fixed' ? encodeFixed(plan, plan.layout, rows) : encodeVariable(schema, plan, rows, inputRows)
}

function encodeFixed(plan: KeyPlan, layout: FixedKeyLayout, rows: RowBlock): FixedKeys {
  const { wordsPerKey } = layout
  const count = rows.rowCount
  const words = new Uint32Array(count * wordsPerKey)
  for (const keyColumn of plan.columns) {
    const { values } = rows.columns[keyColumn.position] as FixedVector
    const word = keyColumn.byteOffset >>> 2
    const shift = (keyColumn.byteOffset & 3) * 8
    if (keyColumn.widthBytes === 8) putWide(words, word, shift, wordsPerKey, values as Float64Array | BigInt64Array, count)
    else if (keyColumn.widthBytes === 4 && shift === 0) putInt32(words, word, wordsPerKey, values as Int32Array, count)
    else
      putNarrow(
        words,
        word,
        shift,
        wordsPerKey,
        values as Int32Array,
        count,
        keyColumn.widthBytes * 8,
        keyColumn.column.kind === 'bool' ? 0 : 0x80000000,
      )
  }
  return { form: 'fixed', count, wordsPerKey, words }
}

function putInt32(words: Uint32Array, word: number, stride: number, values: Int32Array, count: number): void {
  for (let i = 0, w = word; i < count; i++, w += stride) words[w] = (values[i] as number) ^ 0x80000000
}

/** Values of up to 32 bits at any byte: shifted to the left edge of a word, then over one or two words. */
function putNarrow(
  words: Uint32Array,
  word: number,
  shift: number,
  stride: number,
  values: FixedArray,
  count: number,
  bits: number,
  flip: number,
): void {
  const left = 32 - bits
  const spills = shift + bits > 32
  for (let i = 0, w = word; i < count; i++, w += stride) {
    const u = ((values[i] as number) << left) ^ flip
    words[w] = (words[w] as number) | (u >>> shift)
    if (spills) words[w + 1] = u << (32 - shift)
  }
}

function putWide(
  words: Uint32Array,
  word: number,
  shift: number,
  stride: number,
  values: Float64Array | BigInt64Array,
  count: number,
): void {
  if (values instanceof BigInt64Array) {
    const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
    for (let i = 0, w = word; i < count; i++, w += stride)
      putHalves(words, w, shift, (halves[2 * i + 1] as number) ^ 0x80000000, halves[2 * i] as number)
    return
  }
  for (let i = 0, w = word; i < count; i++, w += stride) {
    const value = values[i] as number
    putHalves(words, w, shift, Math.floor(value / 4294967296) ^ 0x80000000, value | 0)
  }
}

function putHalves(words: Uint32Array, w: number, shift: number, high: number, low: number): void {
  if (shift === 0) {
    words[w] = high
    words[w + 1] = low
    return
  }
  words[w] = (words[w] as number) | (high >>> shift)
  words[w + 1] = (high << (32 - shift)) | (low >>> shift)
  words[w + 2] = low << (32 - shift)
}

function encodeVariable(schema: TableSchema, plan: KeyPlan, rows: RowBlock, inputRows: number | Int32Array): VariableKeys {
  const count = rows.rowCount
  const offsets = new Uint32Array(count + 1)
  for (let i = 1; i <= count; i++) offsets[i] = plan.fixedBytes
  for (const { position, widthBytes } of plan.columns) {
    if (widthBytes === 0) addEscapedLengths(rows.columns[position] as ColumnVector, count, offsets)
  }
  sumOffsets(schema, plan, rows, offsets, inputRows)
  const bytes = new Uint8Array(offsets[count] as number)
  const cursors = offsets.slice(0, count)
  for (const keyColumn of plan.columns) {
    const vector = rows.columns[keyColumn.position] as ColumnVector
    if (vector.form === 'fixed') writeFixed(bytes, cursors, keyColumn, vector.values, count)
    else writeEscaped(bytes, cursors, vector, count)
  }
  return { form: 'variable', count, offsets, bytes }
}

/** Turns lengths into positions; a length above the limit ends it. */
function sumOffsets(schema: TableSchema, plan: KeyPlan, rows: RowBlock, offsets: Uint32Array, inputRows: number | Int32Array): void {
  let total = 0
  for (let i = 1; i < offsets.length; i++) {
    const length = offsets[i] as number
    if (length > keyBytesMax) {
      const rowIndex = typeof inputRows === 'number' ? inputRows + i - 1 : inputRows[i - 1]
      throw keyTooLong(schema.name, longestColumn(plan, rows, i - 1), length, rowIndex)
    }
    total += length
    if (total > 0xffffffff) throw new VarveError('BATCH_TOO_LARGE', 'The keys of one call exceed 4 GiB; write it in parts.')
    offsets[i] = total
  }
}

function longestColumn(plan: KeyPlan, rows: RowBlock, row: number): string {
  let name = ''
  let longest = -1
  for (const { position, column } of plan.columns) {
    const vector = rows.columns[position] as ColumnVector
    if (vector.form === 'fixed') continue
    const lengths = new Uint32Array(row + 2)
    addEscapedLengths(vector, row + 1, lengths)
    const length = lengths[row + 1] as number
    if (length > longest) {
      longest = length
      name = column.name
    }
  }
  return name
}

/** Adds to `lengths[i + 1]` what row i of the column takes, escaped and terminated. */
function addEscapedLengths(vector: ColumnVector, count: number, lengths: Uint32Array): void {
  if (vector.form === 'fixed') return
  const source = vector.form === 'bytes' ? vector : vector.dictionary
  const codes = vector.form === 'bytes' ? undefined : vector.codes
  const { offsets, bytes } = source
  const hasZeros = bytes.subarray(offsets[0], offsets[source.length]).indexOf(0) !== -1
  for (let i = 0; i < count; i++) {
    const at = codes === undefined ? i : (codes[i] as number)
    const from = offsets[at] as number
    const to = offsets[at + 1] as number
    let length = to - from + 2
    if (hasZeros) for (let k = from; k < to; k++) if (bytes[k] === 0) length++
    lengths[i + 1] = (lengths[i + 1] as number) + length
  }
}

function writeEscaped(bytes: Uint8Array, cursors: Uint32Array, vector: BytesVector | DictionaryVector, count: number): void {
  const source = vector.form === 'bytes' ? vector : vector.dictionary
  const codes = vector.form === 'bytes' ? undefined : vector.codes
  const { offsets } = source
  const from = source.bytes
  for (let i = 0; i < count; i++) {
    const at = codes === undefined ? i : (codes[i] as number)
    cursors[i] = writeEscapedRange(bytes, cursors[i] as number, from, offsets[at] as number, offsets[at + 1] as number)
  }
}

function writeFixed(bytes: Uint8Array, cursors: Uint32Array, { widthBytes, column }: KeyColumn, values: FixedArray, count: number): void {
  if (values instanceof BigInt64Array) {
    const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
    for (let i = 0; i < count; i++)
      cursors[i] = writeWideBytes(bytes, cursors[i] as number, (halves[2 * i + 1] as number) ^ 0x80000000, halves[2 * i] as number)
  } else if (widthBytes === 8) {
    for (let i = 0; i < count; i++) {
      const value = values[i] as number
      cursors[i] = writeWideBytes(bytes, cursors[i] as number, Math.floor(value / 4294967296) ^ 0x80000000, value | 0)
    }
  } else {
    const flip = column.kind === 'bool' ? 0 : 0x80000000
    const left = 32 - widthBytes * 8
    for (let i = 0; i < count; i++)
      cursors[i] = writeLeftBytes(bytes, cursors[i] as number, ((values[i] as number) << left) ^ flip, widthBytes)
  }
}

/** The keys at the given indexes, in that order. */
export function gatherKeys(keys: KeyBlock, rows: Int32Array): KeyBlock {
  const count = rows.length
  if (keys.form === 'fixed') {
    const { wordsPerKey } = keys
    const words = new Uint32Array(count * wordsPerKey)
    for (let i = 0, at = 0; i < count; i++) {
      const from = (rows[i] as number) * wordsPerKey
      for (let w = 0; w < wordsPerKey; w++) words[at++] = keys.words[from + w] as number
    }
    return { form: 'fixed', count, wordsPerKey, words }
  }
  const vector: BytesVector = { form: 'bytes', length: keys.count, offsets: keys.offsets, bytes: keys.bytes, nulls: undefined }
  const { offsets, bytes } = gatherVector(vector, rows) as BytesVector
  return { form: 'variable', count, offsets, bytes }
}
