import type { ColumnKind, ColumnVector } from '../schema/column-vector.ts'
import type { CacheableBlock } from './block-cache.ts'
import type { EncodedColumn } from './block-encoding.ts'
import { blockEncodings } from './block-encoding.ts'
import { decodeBytes } from './decode-bytes.ts'
import { decodeFixed, zeroNulls } from './decode-fixed.ts'
import { encodeBytes } from './encode-bytes.ts'
import { encodeFixed } from './encode-fixed.ts'
import { countNulls, readNulls, writeNulls } from './null-bitmap.ts'
import { PayloadReader } from './payload-reader.ts'
import type { PayloadWriter } from './payload-writer.ts'

/** One column of a row group, as payload: the null bitmap if a row is null, then what the encoding makes of the values. */
export function encodeColumn(out: PayloadWriter, vector: ColumnVector, kind: ColumnKind): EncodedColumn {
  out.reset()
  const nullCount = countNulls(vector.nulls, vector.length)
  if (nullCount > 0) writeNulls(out, vector.nulls as Uint8Array, vector.length)
  return vector.form === 'fixed' ? encodeFixed(out, vector, kind, nullCount) : encodeBytes(out, vector, nullCount)
}

/** The reverse. `payload` must begin at a multiple of eight bytes; the vector may lie over it. Malformed: RangeError. */
export function decodeColumn(
  payload: Uint8Array,
  o: { kind: ColumnKind; encoding: number; rowCount: number; hasNulls: boolean },
): ColumnVector {
  const reader = new PayloadReader(payload)
  const nulls = o.hasNulls ? readNulls(reader, o.rowCount) : undefined
  if (o.kind === 'string' || o.kind === 'binary') return decodeBytes(reader, o.encoding, o.rowCount, nulls)
  const values = decodeFixed(reader, o.encoding, o.kind, o.rowCount)
  // Plain values were written with the zeros of null rows; the other encodings bridged them.
  if (nulls !== undefined && o.encoding !== blockEncodings.plain && o.encoding !== blockEncodings.plain64) zeroNulls(values, nulls)
  return { form: 'fixed', length: o.rowCount, values, nulls }
}

/** A decoded column as the block cache holds it. */
export class CachedColumn implements CacheableBlock {
  readonly vector: ColumnVector
  readonly byteLength: number

  constructor(vector: ColumnVector) {
    this.vector = vector
    this.byteLength = vectorBytes(vector)
  }
}

/** About what an object and its typed arrays cost beside their bytes. */
const overheadBytes = 256

/** Bytes that a vector keeps alive, each buffer once; with the strings that a dictionary may yet be given. */
function vectorBytes(vector: ColumnVector): number {
  const buffers = new Set<ArrayBufferLike>()
  if (vector.nulls !== undefined) buffers.add(vector.nulls.buffer)
  let stringsBytes = 0
  if (vector.form === 'fixed') {
    buffers.add(vector.values.buffer)
  } else {
    const strings = vector.form === 'bytes' ? vector : vector.dictionary
    buffers.add(strings.offsets.buffer)
    buffers.add(strings.bytes.buffer)
    if (vector.form === 'dictionary') {
      buffers.add(vector.codes.buffer)
      stringsBytes = strings.length * 24 + strings.bytes.length
    }
  }
  let total = overheadBytes + stringsBytes
  for (const buffer of buffers) total += buffer.byteLength
  return total
}
