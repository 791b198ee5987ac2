import type { ColumnKind } from '../schema/column-vector.ts'
import type { ZoneMap } from './sstable.ts'

/** How a block's payload is encoded; the number is on disk, in the block's header. */
export const blockEncodings = {
  /** Fixed: the typed array itself. */
  plain: 1,
  /** Fixed: one double for all rows. */
  constant: 2,
  /** Fixed: (base + step × u) ÷ divisor. */
  frame: 3,
  /** Fixed: each value is the one before + base + step × u. */
  delta: 4,
  /** Fixed: distinct values and codes. */
  lookup: 5,
  /** int64 beyond ±2^53: 64-bit integers. */
  plain64: 6,
  /** int64 beyond ±2^53: one 64-bit integer for all rows. */
  constant64: 7,
  /** Strings and binary: lengths and bytes. */
  bytes: 8,
  /** Strings and binary: distinct values and codes. */
  dictionary: 9,
  /** The bloom filter. */
  filter: 32,
  /** The table's metadata. */
  metadata: 33,
} as const

export type BlockEncodingName = keyof typeof blockEncodings

const names = new Map<number, BlockEncodingName>(Object.entries(blockEncodings).map(([name, id]) => [id, name as BlockEncodingName]))

/** The name of an encoding's number, for people. */
export function blockEncodingName(id: number): string {
  return names.get(id) ?? `unknown ${id}`
}

/** Bytes of one value in a plain block; strings and binary: 0. */
export function elementBytes(kind: ColumnKind): number {
  switch (kind) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
      return 2
    case 'int32':
    case 'float':
      return 4
    case 'int64':
    case 'double':
    case 'timestamp':
      return 8
    case 'string':
    case 'binary':
      return 0
  }
}

/** What an encoder did; the payload is in the writer it was given. */
export interface EncodedColumn {
  readonly encoding: number
  readonly zoneMap: ZoneMap
}
