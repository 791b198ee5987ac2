import { type ArrayType, ByteReader } from '../base/byte-reader.ts'
import type { ByteWriter } from '../base/byte-writer.ts'
import { InvariantError } from '../base/errors.ts'
import type { BytesVector, ColumnVector, DictionaryVector, FixedArray, RowBlock } from './column-vector.ts'
import { toBytesVector } from './vector-ops.ts'

/**
 * The plain image of a block of rows, as log records hold it. STABLE ON DISK. Little-endian; every array begins at a
 * multiple of 8 bytes from the image's beginning, padded with zero bytes; so that at an aligned place reading is laying
 * typed arrays over the bytes.
 *
 *   image   u32 byte length of the image, u32 rows, u32 columns, u32 zero; then each column
 *   column  u8 form (0 fixed, 1 bytes, 2 dictionary), u8 element type, u8 1 if nulls follow, u8 zero,
 *           u32 bytes of strings, u32 distinct values, u32 zero
 *           [nulls: a byte a row, 0 or 1]
 *           fixed:       values
 *           bytes:       u32 offsets (rows + 1, from 0), bytes
 *           dictionary:  codes, u32 offsets (distinct values + 1, from 0), bytes
 *   element type  0 u8, 1 i8, 2 i16, 3 i32, 4 f32, 5 f64, 6 i64, 7 u16
 */
const elementTypes = [Uint8Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array, BigInt64Array, Uint16Array] as const
const elementCodes = new Map<unknown, number>(elementTypes.map((type, code) => [type, code]))
const codeTypes: ReadonlySet<number> = new Set([0, 7, 3])
const forms = { fixed: 0, bytes: 1, dictionary: 2 } as const

/** Appends the image of a block. The writer should stand at a multiple of 8 bytes of what will be read back. */
export function encodeRowBlock(block: RowBlock, writer: ByteWriter): void {
  const start = writer.length
  writer.u32(0)
  writer.u32(block.rowCount)
  writer.u32(block.columns.length)
  writer.u32(0)
  for (const vector of block.columns) {
    // The part of a large dictionary that a few rows use costs less than the dictionary.
    encodeVector(vector.form === 'dictionary' && vector.dictionary.length > vector.length ? toBytesVector(vector) : vector, writer, start)
  }
  writer.setU32(start, writer.length - start)
}

/**
 * Reads the image that begins at `offset`. Arrays are views of `bytes` where they lie aligned in memory, else copies:
 * keep `bytes` unchanged while the block is used. Every length and position is checked: CORRUPTION, never a read outside.
 */
export function decodeRowBlock(bytes: Uint8Array, offset = 0): RowBlock {
  const what = 'an image of rows'
  const byteLength = new ByteReader(bytes, { offset, what }).u32()
  const reader = new ByteReader(bytes, { offset, end: offset + byteLength, what })
  if (reader.remaining !== byteLength) throw reader.corruption('is cut short')
  reader.skip(4)
  const rowCount = reader.u32()
  const columnCount = reader.u32()
  reader.skip(4)
  const columns: ColumnVector[] = []
  for (let c = 0; c < columnCount; c++) columns.push(decodeVector(reader, rowCount, offset))
  if (reader.remaining !== 0) throw reader.corruption('is longer than its columns')
  return { rowCount, columns }
}

function encodeVector(vector: ColumnVector, writer: ByteWriter, start: number): void {
  const text = vector.form === 'bytes' ? vector : vector.form === 'dictionary' ? vector.dictionary : undefined
  const textFrom = text === undefined ? 0 : (text.offsets[0] as number)
  const textTo = text === undefined ? 0 : (text.offsets[text.length] as number)
  writer.u8(forms[vector.form])
  writer.u8(vector.form === 'bytes' ? 0 : elementTypeOf(vector.form === 'fixed' ? vector.values : vector.codes))
  writer.u8(vector.nulls === undefined ? 0 : 1)
  writer.u8(0)
  writer.u32(textTo - textFrom)
  writer.u32(vector.form === 'dictionary' ? vector.dictionary.length : 0)
  writer.u32(0)
  if (vector.nulls !== undefined) writeArray(vector.nulls, writer, start)
  if (vector.form === 'fixed') writeArray(vector.values, writer, start)
  if (vector.form === 'dictionary') writeArray(vector.codes, writer, start)
  if (text !== undefined) {
    writeArray(rebased(text), writer, start)
    writeArray(textFrom === 0 && textTo === text.bytes.length ? text.bytes : text.bytes.subarray(textFrom, textTo), writer, start)
  }
}

/**
 * Arrays of at most this many bytes are written value by value: asking a small typed array for its buffer makes the
 * engine move it out of the heap, which costs more than all of them together.
 */
const writtenSinglyMax = 64

function writeArray(array: FixedArray | Uint16Array | Uint32Array, writer: ByteWriter, start: number): void {
  if (array.byteLength > writtenSinglyMax || !writeSingly(array, writer)) writer.bytes(array)
  const padding = (start - writer.length) & 7
  for (let k = 0; k < padding; k++) writer.u8(0)
}

function writeSingly(array: FixedArray | Uint16Array | Uint32Array, writer: ByteWriter): boolean {
  if (array instanceof Float64Array) for (let i = 0; i < array.length; i++) writer.f64(array[i] as number)
  else if (array instanceof Int32Array) for (let i = 0; i < array.length; i++) writer.u32((array[i] as number) >>> 0)
  else if (array instanceof Uint32Array) for (let i = 0; i < array.length; i++) writer.u32(array[i] as number)
  else if (array instanceof Uint8Array) for (let i = 0; i < array.length; i++) writer.u8(array[i] as number)
  else return false
  return true
}

/** The offsets of a vector counted from 0; those of a slice begin elsewhere. */
function rebased({ offsets, length }: BytesVector): Uint32Array {
  const first = offsets[0] as number
  const exact = offsets.length === length + 1 ? offsets : offsets.subarray(0, length + 1)
  return first === 0 ? exact : exact.map((offset) => offset - first)
}

function elementTypeOf(array: FixedArray | Uint16Array): number {
  // A Buffer is a Uint8Array by another constructor.
  const index = elementCodes.get(array.constructor) ?? elementTypes.findIndex((type) => array instanceof type)
  if (index < 0) throw new InvariantError('A vector has values of no known array type.')
  return index
}

function decodeVector(reader: ByteReader, rowCount: number, origin: number): ColumnVector {
  const form = reader.u8()
  const elementType = reader.u8()
  const hasNulls = reader.u8()
  reader.skip(1)
  const textBytes = reader.u32()
  const distinct = reader.u32()
  reader.skip(4)
  const type = elementTypes[elementType]
  if (type === undefined || hasNulls > 1) throw reader.corruption('has a column of an unknown type')
  const nulls = hasNulls === 1 ? readNulls(reader, rowCount, origin) : undefined
  if (form === forms.fixed && elementType !== 7) {
    return { form: 'fixed', length: rowCount, values: readArray(reader, type as ArrayType<FixedArray>, rowCount, origin), nulls }
  }
  if (form === forms.bytes) return { ...readBytes(reader, rowCount, textBytes, origin), nulls }
  if (form !== forms.dictionary || !codeTypes.has(elementType)) throw reader.corruption('has a column of an unknown form')
  const codes = readArray(reader, type as ArrayType<DictionaryVector['codes']>, rowCount, origin)
  for (let i = 0; i < rowCount; i++) if ((codes[i] as number) >>> 0 >= distinct) throw reader.corruption('has a code beyond its dictionary')
  return { form: 'dictionary', length: rowCount, codes, dictionary: readBytes(reader, distinct, textBytes, origin), nulls }
}

function readNulls(reader: ByteReader, rowCount: number, origin: number): Uint8Array {
  const nulls = readArray(reader, Uint8Array, rowCount, origin)
  let all = 0
  for (let i = 0; i < rowCount; i++) all |= nulls[i] as number
  if (all > 1) throw reader.corruption('has null marks other than 0 and 1')
  return nulls
}

function readBytes(reader: ByteReader, length: number, byteCount: number, origin: number): BytesVector {
  const offsets = readArray(reader, Uint32Array, length + 1, origin)
  let before = 0
  let ascending = offsets[0] === 0 && offsets[length] === byteCount
  for (let i = 1; i <= length; i++) {
    const offset = offsets[i] as number
    ascending = ascending && offset >= before
    before = offset
  }
  if (!ascending) throw reader.corruption('has offsets that do not ascend')
  return { form: 'bytes', length, offsets, bytes: readArray(reader, Uint8Array, byteCount, origin), nulls: undefined }
}

function readArray<A>(reader: ByteReader, type: ArrayType<A>, length: number, origin: number): A {
  const array = reader.array(type, length)
  reader.align(8, origin)
  return array
}
