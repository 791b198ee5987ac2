import type { ColumnKind, FixedArray } from '../schema/column-vector.ts'
import { blockEncodings } from './block-encoding.ts'
import type { PayloadReader } from './payload-reader.ts'
import { scratchDoubles, scratchInts, scratchUnsigned } from './scratch.ts'
import { expandUnsigned, overlayUnsigned, readUnsigned } from './unsigned-stream.ts'

/**
 * The values of a block of numbers. Plain blocks are laid over the payload; all others get an array of their own, in
 * which null rows hold whatever the encoder bridged them with: `zeroNulls` is for the caller to apply.
 */
export function decodeFixed(reader: PayloadReader, encoding: number, kind: ColumnKind, count: number): FixedArray {
  switch (encoding) {
    case blockEncodings.plain:
      return overlay(reader, kind, count)
    case blockEncodings.constant:
      return newFixedArray(kind, count).fill(reader.f64())
    case blockEncodings.frame:
      return decodeFrame(reader, kind, count)
    case blockEncodings.delta:
      return decodeDelta(reader, kind, count)
    case blockEncodings.lookup:
      return decodeLookup(reader, kind, count)
    case blockEncodings.plain64:
      reader.align()
      return reader.array(BigInt64Array, count)
    case blockEncodings.constant64:
      return new BigInt64Array(count).fill(reader.i64())
    default:
      throw new RangeError(`encoding ${encoding} is not one of numbers`)
  }
}

/** Sets the value of each null row to zero. */
export function zeroNulls(values: FixedArray, nulls: Uint8Array): void {
  if (values instanceof BigInt64Array) {
    for (let i = 0; i < nulls.length; i++) if (nulls[i] === 1) values[i] = 0n
  } else {
    for (let i = 0; i < nulls.length; i++) if (nulls[i] === 1) values[i] = 0
  }
}

type NumberArray = Exclude<FixedArray, BigInt64Array>

/** An array of zeros of the kind's type; int64 in doubles. */
export function newFixedArray(kind: ColumnKind, count: number): NumberArray {
  switch (kind) {
    case 'bool':
      return new Uint8Array(count)
    case 'int8':
      return new Int8Array(count)
    case 'int16':
      return new Int16Array(count)
    case 'int32':
      return new Int32Array(count)
    case 'float':
      return new Float32Array(count)
    case 'int64':
    case 'double':
    case 'timestamp':
      return new Float64Array(count)
    case 'string':
    case 'binary':
      throw new RangeError(`a ${kind} column has no fixed array`)
  }
}

function overlay(reader: PayloadReader, kind: ColumnKind, count: number): FixedArray {
  reader.align()
  switch (kind) {
    case 'bool':
      return reader.array(Uint8Array, count)
    case 'int8':
      return reader.array(Int8Array, count)
    case 'int16':
      return reader.array(Int16Array, count)
    case 'int32':
      return reader.array(Int32Array, count)
    case 'float':
      return reader.array(Float32Array, count)
    default:
      return reader.array(Float64Array, count)
  }
}

/** Narrower kinds are decoded as 32-bit integers, or as doubles, and then copied over: one loop each, never one per kind. */
function isDoubleKind(kind: ColumnKind): boolean {
  return kind === 'double' || kind === 'timestamp' || kind === 'int64'
}

function decodeFrame(reader: PayloadReader, kind: ColumnKind, count: number): FixedArray {
  const base = reader.f64()
  const step = reader.f64()
  const divisor = reader.f64()
  const stream = readUnsigned(reader, count)
  if (isDoubleKind(kind) || kind === 'float') {
    const doubles = kind === 'float' ? scratchDoubles(count).subarray(0, count) : new Float64Array(count)
    const narrow = overlayUnsigned(stream, 8)
    const half = overlayUnsigned(stream, 16)
    if (narrow !== undefined) frameBytes(narrow, doubles, base, step, divisor)
    else if (half !== undefined) frameHalves(half, doubles, base, step, divisor)
    else {
      const unsigned = scratchUnsigned(count)
      expandUnsigned(stream, unsigned)
      frameWords(unsigned, doubles, base, step, divisor)
    }
    return kind === 'float' ? new Float32Array(doubles) : doubles
  }
  const unsigned = scratchUnsigned(count)
  expandUnsigned(stream, unsigned)
  const ints = kind === 'int32' ? new Int32Array(count) : scratchInts(count).subarray(0, count)
  for (let i = 0; i < count; i++) ints[i] = base + step * (unsigned[i] as number)
  return narrow(ints, kind)
}

/** These three are one loop, apart so that each sees one type of array. */
function frameBytes(unsigned: Uint8Array, out: Float64Array, base: number, step: number, divisor: number): void {
  if (divisor === 1) for (let i = 0; i < out.length; i++) out[i] = base + step * (unsigned[i] as number)
  else for (let i = 0; i < out.length; i++) out[i] = (base + step * (unsigned[i] as number)) / divisor
}

function frameHalves(unsigned: Uint16Array, out: Float64Array, base: number, step: number, divisor: number): void {
  if (divisor === 1) for (let i = 0; i < out.length; i++) out[i] = base + step * (unsigned[i] as number)
  else for (let i = 0; i < out.length; i++) out[i] = (base + step * (unsigned[i] as number)) / divisor
}

function frameWords(unsigned: Uint32Array, out: Float64Array, base: number, step: number, divisor: number): void {
  if (divisor === 1) for (let i = 0; i < out.length; i++) out[i] = base + step * (unsigned[i] as number)
  else for (let i = 0; i < out.length; i++) out[i] = (base + step * (unsigned[i] as number)) / divisor
}

function decodeDelta(reader: PayloadReader, kind: ColumnKind, count: number): FixedArray {
  const first = reader.f64()
  const base = reader.f64()
  const step = reader.f64()
  const unsigned = scratchUnsigned(count)
  expandUnsigned(readUnsigned(reader, count - 1), unsigned)
  if (isDoubleKind(kind) || kind === 'float') {
    const doubles = new Float64Array(count)
    let current = first
    doubles[0] = current
    for (let i = 1; i < count; i++) {
      current += base + step * (unsigned[i - 1] as number)
      doubles[i] = current
    }
    return kind === 'float' ? new Float32Array(doubles) : doubles
  }
  const ints = kind === 'int32' ? new Int32Array(count) : scratchInts(count).subarray(0, count)
  let current = first
  ints[0] = current
  for (let i = 1; i < count; i++) {
    current += base + step * (unsigned[i - 1] as number)
    ints[i] = current
  }
  return narrow(ints, kind)
}

function decodeLookup(reader: PayloadReader, kind: ColumnKind, count: number): FixedArray {
  const distinct = reader.u32()
  reader.align()
  const table = reader.array(Float64Array, distinct)
  const codes = scratchUnsigned(count)
  expandUnsigned(readUnsigned(reader, count), codes)
  const doubles = isDoubleKind(kind) ? new Float64Array(count) : scratchDoubles(count).subarray(0, count)
  for (let i = 0; i < count; i++) doubles[i] = table[codes[i] as number] as number
  if (isDoubleKind(kind)) return doubles
  return kind === 'float' ? new Float32Array(doubles) : narrow(new Int32Array(doubles), kind)
}

function narrow(ints: Int32Array, kind: ColumnKind): FixedArray {
  switch (kind) {
    case 'bool':
      return new Uint8Array(ints)
    case 'int8':
      return new Int8Array(ints)
    case 'int16':
      return new Int16Array(ints)
    default:
      return ints
  }
}
