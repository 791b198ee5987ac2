import type { SSTableReader } from '../sstable/sstable-reader.ts'
import type { KeyColumnBounds } from './key-bounds.ts'

/** Between which numbers the columns of a file lie, as its zone maps say; worked out when first asked for. */
export class ColumnBounds {
  private readonly reader: SSTableReader
  private readonly known = new Map<number, { min: number; max: number }>()

  constructor(reader: SSTableReader) {
    this.reader = reader
  }

  /** Whether some key column lies apart from the bounds: then no row within them is in the file. Reads nothing. */
  excludes(bounds: readonly KeyColumnBounds[]): boolean {
    if (!this.reader.isOpen) return false
    for (const { position, min, max } of bounds) {
      const own = this.boundsOf(position)
      if (max < own.min || min > own.max) return true
    }
    return false
  }

  private boundsOf(position: number): { min: number; max: number } {
    let own = this.known.get(position)
    if (own === undefined) {
      own = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
      for (let group = 0; group < this.reader.groupCount; group++) {
        const { known, min, max } = this.reader.zoneMap(group, position)
        const isNumeric = known && typeof min === 'number' && typeof max === 'number'
        own.min = Math.min(own.min, isNumeric ? min : Number.NEGATIVE_INFINITY)
        own.max = Math.max(own.max, isNumeric ? max : Number.POSITIVE_INFINITY)
      }
      this.known.set(position, own)
    }
    return own
  }
}
