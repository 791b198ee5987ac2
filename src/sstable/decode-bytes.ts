import type { BytesVector, ColumnVector } from '../schema/column-vector.ts'
import { blockEncodings } from './block-encoding.ts'
import type { PayloadReader } from './payload-reader.ts'
import { scratchUnsigned } from './scratch.ts'
import { expandUnsigned, overlayUnsigned, readUnsigned, type UnsignedStream } from './unsigned-stream.ts'

/** A block of strings or binary values. The bytes lie over the payload; dictionaries stay dictionaries. */
export function decodeBytes(reader: PayloadReader, encoding: number, count: number, nulls: Uint8Array | undefined): ColumnVector {
  if (encoding === blockEncodings.bytes) return readStrings(reader, count, nulls)
  if (encoding !== blockEncodings.dictionary) throw new RangeError(`encoding ${encoding} is not one of strings`)
  const distinct = reader.u32()
  const codes = decodeCodes(readUnsigned(reader, count), distinct)
  return { form: 'dictionary', length: count, codes, dictionary: readStrings(reader, distinct, undefined), nulls }
}

/** In the narrowest array that holds every code; laid over the payload if they were packed just so. */
function decodeCodes(stream: UnsignedStream, distinct: number): Uint8Array | Uint16Array | Int32Array {
  const overlay = distinct <= 256 ? overlayUnsigned(stream, 8) : distinct <= 65536 ? overlayUnsigned(stream, 16) : undefined
  if (overlay !== undefined) return overlay
  const unsigned = scratchUnsigned(stream.count).subarray(0, stream.count)
  expandUnsigned(stream, unsigned)
  if (distinct <= 256) return new Uint8Array(unsigned)
  return distinct <= 65536 ? new Uint16Array(unsigned) : new Int32Array(unsigned)
}

function readStrings(reader: PayloadReader, count: number, nulls: Uint8Array | undefined): BytesVector {
  const lengths = scratchUnsigned(count)
  expandUnsigned(readUnsigned(reader, count), lengths)
  const offsets = new Uint32Array(count + 1)
  let at = 0
  for (let i = 0; i < count; i++) {
    at += lengths[i] as number
    offsets[i + 1] = at
  }
  return { form: 'bytes', length: count, offsets, bytes: reader.view(at), nulls }
}
