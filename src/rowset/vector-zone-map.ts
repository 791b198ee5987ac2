import type { ColumnVector, FixedVector } from '../schema/column-vector.ts'
import type { ZoneMap } from '../sstable/sstable.ts'
import { bytesAt, bytesZoneMap, emptyZoneMap } from '../sstable/zone-map.ts'

/** The zone map of a column that was put together in memory; undefined where it would cost too much to say. */
export function zoneMapOf(vector: ColumnVector): ZoneMap | undefined {
  if (vector.form === 'bytes') return undefined
  const nullCount = countNulls(vector.nulls)
  if (vector.form === 'fixed') return vector.values instanceof BigInt64Array ? undefined : numberZoneMap(vector, nullCount)
  const { dictionary } = vector
  // Values that no row has any more may be among them: the bounds hold nonetheless.
  if (dictionary.length === 0) return emptyZoneMap(nullCount, false)
  return bytesZoneMap(bytesAt(dictionary, 0), bytesAt(dictionary, dictionary.length - 1), nullCount)
}

function countNulls(nulls: Uint8Array | undefined): number {
  let count = 0
  if (nulls !== undefined) for (let i = 0; i < nulls.length; i++) count += nulls[i] as number
  return count
}

function numberZoneMap({ values, nulls, length }: FixedVector, nullCount: number): ZoneMap {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let hasNaN = false
  for (let i = 0; i < length; i++) {
    if (nulls !== undefined && nulls[i] === 1) continue
    const value = values[i] as number
    if (value < min) min = value
    if (value > max) max = value
    if (value !== value) hasNaN = true
  }
  return min > max ? emptyZoneMap(nullCount, hasNaN) : { min, max, nullCount, hasNaN, known: true }
}
