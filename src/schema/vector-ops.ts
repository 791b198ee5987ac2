import { invariant } from '../base/errors.ts'
import type { BytesVector, ColumnKind, ColumnVector, DictionaryVector, FixedArray, FixedVector, RowBlock } from './column-vector.ts'
import type { ColumnSchema, ColumnValue } from './table-schema.ts'

/** Rows [from, to) of a block, without a copy. */
export function sliceBlock(block: RowBlock, from: number, to: number): RowBlock {
  if (from === 0 && to === block.rowCount) return block
  return { rowCount: to - from, columns: block.columns.map((column) => sliceVector(column, from, to)) }
}

/** The given rows of a block, in that order; a row may come twice. */
export function gatherBlock(block: RowBlock, rows: Int32Array): RowBlock {
  return { rowCount: rows.length, columns: block.columns.map((column) => gatherVector(column, rows)) }
}

/** The rows of all blocks, one after the other. Takes at least one block; all of one schema. */
export function concatBlocks(blocks: readonly RowBlock[]): RowBlock {
  const first = blocks[0]
  invariant(first !== undefined, 'concatBlocks takes at least one block.')
  if (blocks.length === 1) return first
  return {
    rowCount: blocks.reduce((sum, block) => sum + block.rowCount, 0),
    columns: first.columns.map((_, c) => concatVectors(blocks.map((block) => block.columns[c] as ColumnVector))),
  }
}

/** Rows [from, to) of a vector, without a copy (the `bytes` of strings are shared, so offsets need not begin at 0). */
export function sliceVector(vector: ColumnVector, from: number, to: number): ColumnVector {
  const length = to - from
  if (length === vector.length) return vector
  const nulls = vector.nulls?.subarray(from, to)
  switch (vector.form) {
    case 'fixed':
      return { form: 'fixed', length, values: vector.values.subarray(from, to), nulls }
    case 'bytes':
      return { form: 'bytes', length, offsets: vector.offsets.subarray(from, to + 1), bytes: vector.bytes, nulls }
    case 'dictionary':
      return withStrings(
        { form: 'dictionary', length, codes: vector.codes.subarray(from, to), dictionary: vector.dictionary, nulls },
        vector.strings,
      )
  }
}

/** The given rows of a vector, in that order. `nulls` is left out if none of them is null. */
export function gatherVector(vector: ColumnVector, rows: Int32Array): ColumnVector {
  const length = rows.length
  const nulls = vector.nulls === undefined ? undefined : gatherNulls(vector.nulls, rows)
  switch (vector.form) {
    case 'fixed':
      return { form: 'fixed', length, values: gatherArray(vector.values, rows), nulls }
    case 'bytes':
      return gatherBytes(vector, rows, nulls)
    case 'dictionary': {
      const codes = gatherArray(vector.codes, rows) as DictionaryVector['codes']
      return withStrings({ form: 'dictionary', length, codes, dictionary: vector.dictionary, nulls }, vector.strings)
    }
  }
}

/** The rows of all vectors, one after the other. Takes at least one; all of one column. */
export function concatVectors(vectors: readonly ColumnVector[]): ColumnVector {
  const first = vectors[0]
  invariant(first !== undefined, 'concatVectors takes at least one vector.')
  if (vectors.length === 1) return first
  const length = vectors.reduce((sum, vector) => sum + vector.length, 0)
  const nulls = concatNulls(vectors, length)
  if (first.form === 'fixed') return concatFixed(vectors as readonly FixedVector[], length, nulls)
  if (first.form === 'dictionary' && vectors.every((vector) => vector.form === 'dictionary' && vector.dictionary === first.dictionary)) {
    return concatCodes(vectors as readonly DictionaryVector[], first, length, nulls)
  }
  return concatBytes(vectors.map(toBytesVector), length, nulls)
}

/** A vector whose every row is `value`, in the column's stored form. */
export function constantVector(column: ColumnSchema, value: ColumnValue, length: number): ColumnVector {
  const nulls = value === null ? new Uint8Array(length).fill(1) : undefined
  if (column.kind === 'string' || column.kind === 'binary') {
    const bytes =
      value === null ? new Uint8Array(0) : typeof value === 'string' ? new TextEncoder().encode(value) : (value as Uint8Array).slice()
    const dictionary: BytesVector = { form: 'bytes', length: 1, offsets: Uint32Array.of(0, bytes.length), bytes, nulls: undefined }
    return { form: 'dictionary', length, codes: new Uint8Array(length), dictionary, nulls }
  }
  const wide = column.kind === 'int64' && !Number.isSafeInteger(Number(value ?? 0))
  const values = wide ? new BigInt64Array(length).fill(value as bigint) : fixedArrayOf(column.kind, length)
  if (!(values instanceof BigInt64Array) && value !== null) values.fill(Number(value))
  return { form: 'fixed', length, values, nulls }
}

/** What rows written before a column was added show of it: its default, else null. */
export function defaultVector(column: ColumnSchema, length: number): ColumnVector {
  return constantVector(column, column.default ?? null, length)
}

/** Zeroed values of a fixed-width kind; int64 as doubles (see `FixedVector`). */
export function fixedArrayOf(kind: ColumnKind, length: number): Exclude<FixedArray, BigInt64Array> {
  switch (kind) {
    case 'bool':
      return new Uint8Array(length)
    case 'int8':
      return new Int8Array(length)
    case 'int16':
      return new Int16Array(length)
    case 'int32':
      return new Int32Array(length)
    case 'float':
      return new Float32Array(length)
    default:
      return new Float64Array(length)
  }
}

/** Strings or binary values end to end, whatever form they came in. */
export function toBytesVector(vector: ColumnVector): BytesVector {
  invariant(vector.form !== 'fixed', 'A fixed-width column has no bytes form.')
  if (vector.form === 'bytes') return vector
  return gatherBytes(vector.dictionary, vector.codes, vector.nulls)
}

function withStrings(vector: DictionaryVector, strings: readonly string[] | undefined): DictionaryVector {
  if (strings !== undefined) vector.strings = strings
  return vector
}

function gatherNulls(nulls: Uint8Array, rows: Int32Array): Uint8Array | undefined {
  const out = new Uint8Array(rows.length)
  let any = 0
  for (let i = 0; i < rows.length; i++) {
    const isNull = nulls[rows[i] as number] as number
    out[i] = isNull
    any |= isNull
  }
  return any === 0 ? undefined : out
}

/** One loop a kind of array, so that each stays monomorphic. */
function gatherArray(values: FixedArray | Uint16Array, rows: Int32Array): FixedArray {
  const length = rows.length
  if (values instanceof Int32Array) {
    const out = new Int32Array(length)
    for (let i = 0; i < length; i++) out[i] = values[rows[i] as number] as number
    return out
  }
  if (values instanceof Float64Array) {
    const out = new Float64Array(length)
    for (let i = 0; i < length; i++) out[i] = values[rows[i] as number] as number
    return out
  }
  if (values instanceof BigInt64Array) {
    const out = new BigInt64Array(length)
    for (let i = 0; i < length; i++) out[i] = values[rows[i] as number] as bigint
    return out
  }
  const out = new (values.constructor as Uint8ArrayConstructor)(length)
  for (let i = 0; i < length; i++) out[i] = values[rows[i] as number] as number
  return out
}

/** Of a dictionary, null rows have the code of some value; here they are empty. */
function gatherBytes(vector: BytesVector, rows: Int32Array | Uint8Array | Uint16Array, nulls: Uint8Array | undefined): BytesVector {
  const { offsets, bytes } = vector
  const length = rows.length
  const outOffsets = new Uint32Array(length + 1)
  let total = 0
  for (let i = 0; i < length; i++) {
    const row = rows[i] as number
    if (nulls === undefined || nulls[i] === 0) total += (offsets[row + 1] as number) - (offsets[row] as number)
    outOffsets[i + 1] = total
  }
  const out = new Uint8Array(total)
  for (let i = 0, at = 0; i < length; i++) {
    const end = outOffsets[i + 1] as number
    for (let k = offsets[rows[i] as number] as number; at < end; k++) out[at++] = bytes[k] as number
  }
  return { form: 'bytes', length, offsets: outOffsets, bytes: out, nulls }
}

function concatNulls(vectors: readonly ColumnVector[], length: number): Uint8Array | undefined {
  if (vectors.every((vector) => vector.nulls === undefined)) return undefined
  const nulls = new Uint8Array(length)
  let at = 0
  for (const vector of vectors) {
    if (vector.nulls !== undefined) nulls.set(vector.nulls, at)
    at += vector.length
  }
  return nulls
}

function concatFixed(vectors: readonly FixedVector[], length: number, nulls: Uint8Array | undefined): FixedVector {
  if (vectors.some(({ values }) => values instanceof BigInt64Array)) {
    const wide = new BigInt64Array(length)
    let at = 0
    for (const { values } of vectors) {
      if (values instanceof BigInt64Array) wide.set(values, at)
      else for (let i = 0; i < values.length; i++) wide[at + i] = BigInt(values[i] as number)
      at += values.length
    }
    return { form: 'fixed', length, values: wide, nulls }
  }
  const values = emptyLike((vectors[0] as FixedVector).values as Float64Array, length)
  let at = 0
  for (const vector of vectors) {
    values.set(vector.values as Float64Array, at)
    at += vector.length
  }
  return { form: 'fixed', length, values, nulls }
}

function concatCodes(
  vectors: readonly DictionaryVector[],
  first: DictionaryVector,
  length: number,
  nulls: Uint8Array | undefined,
): DictionaryVector {
  const alike = vectors.every(({ codes }) => codes.constructor === first.codes.constructor)
  const codes = alike ? emptyLike(first.codes as Int32Array, length) : new Int32Array(length)
  let at = 0
  for (const vector of vectors) {
    codes.set(vector.codes, at)
    at += vector.length
  }
  return withStrings({ form: 'dictionary', length, codes, dictionary: first.dictionary, nulls }, first.strings)
}

function concatBytes(vectors: readonly BytesVector[], length: number, nulls: Uint8Array | undefined): BytesVector {
  const offsets = new Uint32Array(length + 1)
  let row = 0
  let total = 0
  for (const vector of vectors) {
    const shift = total - (vector.offsets[0] as number)
    for (let i = 1; i <= vector.length; i++) offsets[row + i] = (vector.offsets[i] as number) + shift
    row += vector.length
    total = (vector.offsets[vector.length] as number) + shift
  }
  const bytes = new Uint8Array(total)
  let at = 0
  for (const vector of vectors) {
    const part = vector.bytes.subarray(vector.offsets[0], vector.offsets[vector.length])
    bytes.set(part, at)
    at += part.length
  }
  return { form: 'bytes', length, offsets, bytes, nulls }
}

/** A zeroed array of the same kind. */
function emptyLike<A extends Float64Array | Int32Array>(values: A, length: number): A {
  return new (values.constructor as new (length: number) => A)(length)
}
