import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnSchema } from '../schema/table-schema.ts'
import { newFixedArray } from './decode-fixed.ts'
import type { ZoneMap } from './sstable.ts'
import { bytesZoneMap, emptyZoneMap } from './zone-map.ts'

/** What a column that was added after the file was written shows in each of its rows: its default, or null. */
export function defaultVector(column: ColumnSchema, count: number): ColumnVector {
  const value = column.default ?? null
  const nulls = value === null ? new Uint8Array(count).fill(1) : undefined
  if (column.kind === 'string' || column.kind === 'binary') {
    const bytes = defaultBytes(column) ?? new Uint8Array(0)
    const dictionary = {
      form: 'bytes',
      length: nulls === undefined ? 1 : 0,
      offsets: Uint32Array.of(...(nulls === undefined ? [0, bytes.length] : [0])),
      bytes,
      nulls: undefined,
    } as const
    return { form: 'dictionary', length: count, codes: new Uint8Array(count), dictionary, nulls }
  }
  if (typeof value === 'bigint' && !isDouble(value))
    return { form: 'fixed', length: count, values: new BigInt64Array(count).fill(value), nulls }
  return { form: 'fixed', length: count, values: newFixedArray(column.kind, count).fill(Number(value)), nulls }
}

/** The zone map of such rows. */
export function defaultZoneMap(column: ColumnSchema, count: number): ZoneMap {
  const value = column.default ?? null
  if (value === null) return emptyZoneMap(count, false)
  const bytes = defaultBytes(column)
  if (bytes !== undefined) return bytesZoneMap(bytes, bytes, 0)
  if (Number.isNaN(value)) return emptyZoneMap(0, true)
  const bound = typeof value === 'bigint' && !isDouble(value) ? value : Number(value)
  return { min: bound, max: bound, nullCount: 0, hasNaN: false, known: true }
}

function defaultBytes({ default: value }: ColumnSchema): Uint8Array | undefined {
  if (typeof value === 'string') return new TextEncoder().encode(value)
  return value instanceof Uint8Array ? value : undefined
}

function isDouble(value: bigint): boolean {
  return value >= -(2n ** 53n) && value < 2n ** 53n
}
