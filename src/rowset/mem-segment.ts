import type { ColumnKind, FixedArray, FixedVector } from '../schema/column-vector.ts'
import type { SharedSpan } from './chunk-pool.ts'
import type { ColumnLayout, MemLayout, SegmentLayout } from './segment-layout.ts'

/** The bits of a column by their width alone, so that copying loops stay monomorphic. */
export type RawArray = Uint8Array | Int16Array | Int32Array | Float64Array

/** A column's share of a segment, as views of shared memory. */
export class MemColumn {
  readonly layout: ColumnLayout
  /** One element a row; for strings and binary positions in the heap, one more than rows. */
  readonly values: FixedArray | Uint32Array
  readonly raw: RawArray
  readonly nulls: Uint8Array | undefined
  nullCount = 0
  /** Int64 only: all rows of the segment again, once a value beyond ±2^53 came; later rows are written here alone. */
  wide: BigInt64Array | undefined
  wideSpan: SharedSpan | undefined
  private whole: FixedVector | undefined

  constructor(layout: ColumnLayout, span: SharedSpan, rowCount: number) {
    this.layout = layout
    const at = span.byteOffset + layout.at
    this.values = layout.heap >= 0 ? new Uint32Array(span.buffer, at, rowCount + 1) : fixedArray(layout.kind, span.buffer, at, rowCount)
    this.raw = rawArray(layout.width, span.buffer, at, this.values.length)
    this.nulls = layout.nullsAt < 0 ? undefined : new Uint8Array(span.buffer, span.byteOffset + layout.nullsAt, rowCount)
  }

  /** All of a fixed-width column's room, rows to come included; made once. */
  wholeVector(): FixedVector {
    if (this.whole === undefined) {
      const values = this.wide ?? (this.values as FixedArray)
      this.whole = { form: 'fixed', length: values.length, values, nulls: this.nulls }
    }
    return this.whole
  }

  /** Attaches the span of 64-bit integers; whoever does so copies what is there. */
  widen(span: SharedSpan): BigInt64Array {
    this.wideSpan = span
    this.whole = undefined
    this.wide = new BigInt64Array(span.buffer, span.byteOffset, this.values.length)
    return this.wide
  }
}

/** A run of rows of a MemRowSet in one span of shared memory. */
export class MemSegment {
  readonly span: SharedSpan
  readonly firstRow: number
  /** Rows there is room for. */
  readonly capacity: number
  readonly timestamps: Float64Array
  /** Fixed keys: their words; variable keys: positions in heap 0, one more than rows. */
  readonly keys: Uint32Array
  readonly columns: readonly MemColumn[]
  minTimestamp = Number.POSITIVE_INFINITY
  maxTimestamp = Number.NEGATIVE_INFINITY

  constructor(layout: MemLayout, segment: SegmentLayout, firstRow: number, span: SharedSpan) {
    this.span = span
    this.firstRow = firstRow
    this.capacity = segment.rowCount
    this.timestamps = new Float64Array(span.buffer, span.byteOffset + segment.timestampsAt, segment.rowCount)
    const keyWords = layout.wordsPerKey === 0 ? segment.rowCount + 1 : segment.rowCount * layout.wordsPerKey
    this.keys = new Uint32Array(span.buffer, span.byteOffset + segment.keysAt, keyWords)
    this.columns = segment.columns.map((column) => new MemColumn(column, span, segment.rowCount))
  }
}

/** A typed array over shared memory for a fixed kind as it is stored: int64 as doubles. */
function fixedArray(kind: ColumnKind, buffer: SharedArrayBuffer, at: number, length: number): FixedArray {
  switch (kind) {
    case 'bool':
      return new Uint8Array(buffer, at, length)
    case 'int8':
      return new Int8Array(buffer, at, length)
    case 'int16':
      return new Int16Array(buffer, at, length)
    case 'int32':
      return new Int32Array(buffer, at, length)
    case 'float':
      return new Float32Array(buffer, at, length)
    default:
      return new Float64Array(buffer, at, length)
  }
}

function rawArray(width: 1 | 2 | 4 | 8, buffer: SharedArrayBuffer, at: number, length: number): RawArray {
  switch (width) {
    case 1:
      return new Uint8Array(buffer, at, length)
    case 2:
      return new Int16Array(buffer, at, length)
    case 4:
      return new Int32Array(buffer, at, length)
    case 8:
      return new Float64Array(buffer, at, length)
  }
}
