import type { BytesVector } from '../schema/column-vector.ts'
import type { ZoneMap } from './sstable.ts'

/** Bounds of strings and binary values are cut to this many bytes. */
export const boundBytesMax = 32

/** The zone map of a run of rows that are all null, or NaN. */
export function emptyZoneMap(nullCount: number, hasNaN: boolean): ZoneMap {
  return { min: undefined, max: undefined, nullCount, hasNaN, known: true }
}

/** From the least and the greatest value, whole: both are cut to `boundBytesMax`, the greatest rounded up. */
export function bytesZoneMap(min: Uint8Array, max: Uint8Array, nullCount: number): ZoneMap {
  const upper = upperBound(max)
  if (upper === undefined) return { min: undefined, max: undefined, nullCount, hasNaN: false, known: false }
  return { min: min.slice(0, boundBytesMax), max: upper, nullCount, hasNaN: false, known: true }
}

/** A short bound not below `value`; undefined if its first bytes are all 255. */
function upperBound(value: Uint8Array): Uint8Array | undefined {
  if (value.length <= boundBytesMax) return value.slice()
  let length = boundBytesMax
  while (length > 0 && value[length - 1] === 255) length--
  if (length === 0) return undefined
  const bound = value.slice(0, length)
  bound[length - 1] = (bound[length - 1] as number) + 1
  return bound
}

/** Value i of a bytes vector; a view. */
export function bytesAt(vector: BytesVector, i: number): Uint8Array {
  return vector.bytes.subarray(vector.offsets[i] as number, vector.offsets[i + 1] as number)
}

/** Orders values `a` and `b` of one vector by their bytes. */
export function compareBytesAt(vector: BytesVector, a: number, b: number): number {
  const { bytes, offsets } = vector
  const startA = offsets[a] as number
  const startB = offsets[b] as number
  const lengthA = (offsets[a + 1] as number) - startA
  const lengthB = (offsets[b + 1] as number) - startB
  const common = lengthA < lengthB ? lengthA : lengthB
  for (let i = 0; i < common; i++) {
    const difference = (bytes[startA + i] as number) - (bytes[startB + i] as number)
    if (difference !== 0) return difference
  }
  return lengthA - lengthB
}
