/**
 * int64 blocks with a value beyond ±2^53: 64-bit integers as they are, or one for all rows. A block whose values all
 * lie within is one of doubles instead, whatever array it came in.
 */

import type { EncodedColumn } from './block-encoding.ts'
import { blockEncodings } from './block-encoding.ts'
import type { PayloadWriter } from './payload-writer.ts'
import { emptyZoneMap } from './zone-map.ts'

/** The values as doubles if each lies within ±2^53, else as they are. Looks at halves: arithmetic on bigints is slow. */
export function narrowBigInts(values: BigInt64Array, count: number): Float64Array | BigInt64Array {
  const halves = new Int32Array(values.buffer, values.byteOffset, count * 2)
  for (let i = 0; i < count; i++) {
    const high = halves[2 * i + 1] as number
    if (high < -0x200000 || high >= 0x200000) return values
  }
  const doubles = new Float64Array(count)
  for (let i = 0; i < count; i++) doubles[i] = (halves[2 * i + 1] as number) * 4294967296 + ((halves[2 * i] as number) >>> 0)
  return doubles
}

export function encodeWide(
  out: PayloadWriter,
  values: BigInt64Array,
  nulls: Uint8Array | undefined,
  nullCount: number,
  count: number,
): EncodedColumn {
  let min: bigint | undefined
  let max: bigint | undefined
  for (let i = 0; i < count; i++) {
    if (nullCount > 0 && (nulls as Uint8Array)[i] === 1) continue
    const value = values[i] as bigint
    if (min === undefined || value < min) min = value
    if (max === undefined || value > max) max = value
  }
  const zoneMap = min === undefined ? emptyZoneMap(nullCount, false) : { min, max, nullCount, hasNaN: false, known: true }
  if (min !== undefined && min === max) {
    out.i64(min)
    return { encoding: blockEncodings.constant64, zoneMap }
  }
  out.array(values.subarray(0, count))
  return { encoding: blockEncodings.plain64, zoneMap }
}
