import { invariant } from '../base/errors.ts'
import type { BytesVector, ColumnVector, FixedKeys, KeyBlock, VariableKeys } from '../schema/column-vector.ts'
import { compareKeyToBytes, keyBytes, keyLayout } from '../schema/key-encoding.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import { ByteHeap } from './byte-heap.ts'
import type { SharedSpan } from './chunk-pool.ts'
import { allWithinDoubles, doublesOf } from './int64-doubles.ts'
import { type MemColumn, MemSegment, type RawArray } from './mem-segment.ts'
import { memValue } from './mem-value.ts'
import type { MemLayout, SegmentLayout } from './segment-layout.ts'

/** A segment as a worker is told of it. */
export interface FrozenSegment {
  readonly span: SharedSpan
  readonly minTimestamp: number
  readonly maxTimestamp: number
  /** By column: how many nulls, and the span of its 64-bit integers if it is wide. */
  readonly columns: readonly { readonly nullCount: number; readonly wideSpan: SharedSpan | undefined }[]
}

/** The rows of a MemRowSet that takes no more of them: plain data over shared memory, structured-cloneable. */
export interface FrozenMemRowSet {
  readonly schema: TableSchema
  readonly generation: number
  readonly layout: MemLayout
  readonly rowCount: number
  readonly segments: readonly FrozenSegment[]
  /** Spans of each heap. */
  readonly heaps: readonly (readonly SharedSpan[])[]
}

/** Rows in shared memory, as a MemRowSet and its flush job both read them. Appending is `MemRowSet`'s. */
export class MemRows {
  readonly schema: TableSchema
  readonly layout: MemLayout
  readonly segments: MemSegment[] = []
  readonly heaps: ByteHeap[] = []
  /** What the segments hold, kind by kind, by ordinal: for loops that collect rows from all over. */
  readonly keyLists: Uint32Array[] = []
  readonly timestampLists: Float64Array[] = []
  readonly columnLists: readonly MemColumn[][]
  readonly rawLists: readonly RawArray[][]
  rowCount = 0

  constructor(schema: TableSchema, layout: MemLayout) {
    this.schema = schema
    this.layout = layout
    this.columnLists = schema.columns.map(() => [])
    this.rawLists = schema.columns.map(() => [])
    for (let i = 0; i < layout.heapCount; i++) this.heaps.push(new ByteHeap())
  }

  /** The same rows over the same memory, in another thread. */
  static thaw(frozen: FrozenMemRowSet): MemRows {
    const rows = new MemRows(frozen.schema, frozen.layout)
    for (const described of frozen.segments) {
      const segment = rows.addSegment(described.span)
      segment.minTimestamp = described.minTimestamp
      segment.maxTimestamp = described.maxTimestamp
      segment.columns.forEach((column, i) => {
        const { nullCount, wideSpan } = described.columns[i] as FrozenSegment['columns'][number]
        column.nullCount = nullCount
        if (wideSpan !== undefined) column.widen(wideSpan)
      })
    }
    frozen.heaps.forEach((spans, i) => {
      for (const span of spans) (rows.heaps[i] as ByteHeap).addSpan(span)
    })
    rows.rowCount = frozen.rowCount
    return rows
  }

  /** A description of the rows for `thaw`. */
  freeze(generation: number): FrozenMemRowSet {
    return {
      schema: this.schema,
      generation,
      layout: this.layout,
      rowCount: this.rowCount,
      segments: this.segments.map(({ span, minTimestamp, maxTimestamp, columns }) => ({
        span,
        minTimestamp,
        maxTimestamp,
        columns: columns.map(({ nullCount, wideSpan }) => ({ nullCount, wideSpan })),
      })),
      heaps: this.heaps.map((heap) => [...heap.spans]),
    }
  }

  /** Rows there is room for without another segment. */
  get capacity(): number {
    const last = this.segments.at(-1)
    return last === undefined ? 0 : last.firstRow + last.capacity
  }

  /** Bytes of the span that the next segment needs. */
  get nextSegmentBytes(): number {
    return this.nextSegment.sizeBytes
  }

  /** Adds a segment over a span, whose content may be that of thawed rows. */
  addSegment(span: SharedSpan): MemSegment {
    const segment = new MemSegment(this.layout, this.nextSegment, this.capacity, span)
    this.segments.push(segment)
    this.keyLists.push(segment.keys)
    this.timestampLists.push(segment.timestamps)
    segment.columns.forEach((column, i) => {
      this.columnLists[i]?.push(column)
      this.rawLists[i]?.push(column.raw)
    })
    return segment
  }

  /** As `addSegment`, for rows to come: positions in heaps go on where those of the last segment, which is full, end. */
  addEmptySegment(span: SharedSpan): MemSegment {
    const last = this.segments.at(-1)
    const segment = this.addSegment(span)
    if (this.layout.wordsPerKey === 0) segment.keys[0] = last?.keys[last.capacity] ?? 0
    segment.columns.forEach((column, i) => {
      if (column.layout.heap >= 0) column.values[0] = last?.columns[i]?.values[last.capacity] ?? 0
    })
    return segment
  }

  /** Every span the rows lie in. */
  spans(): SharedSpan[] {
    const spans = this.heaps.flatMap((heap) => heap.spans)
    for (const segment of this.segments) {
      spans.push(segment.span)
      for (const { wideSpan } of segment.columns) if (wideSpan !== undefined) spans.push(wideSpan)
    }
    return spans
  }

  /** Forgets all rows; their spans have gone back to the pool. */
  clear(): void {
    for (const list of [this.segments, this.heaps, this.keyLists, this.timestampLists, ...this.columnLists, ...this.rawLists])
      list.length = 0
    this.rowCount = 0
  }

  private get nextSegment(): SegmentLayout {
    return this.segments.length === 0 ? this.layout.first : this.layout.rest
  }

  /** The ordinal of the segment that holds a row. */
  segmentOf(row: number): number {
    const first = this.layout.first.rowCount
    return row < first ? 0 : 1 + (((row - first) / this.layout.rest.rowCount) | 0)
  }

  segmentAt(ordinal: number): MemSegment {
    const segment = this.segments[ordinal]
    invariant(segment !== undefined, 'a row beyond the end of a MemRowSet')
    return segment
  }

  /** Whether a row has key `index` of `keys`. Hot: the check behind every hit of the hash index. */
  rowHasKey(row: number, keys: KeyBlock, index: number): boolean {
    const segment = this.segmentAt(this.segmentOf(row))
    const at = row - segment.firstRow
    if (keys.form === 'fixed') {
      const { words, wordsPerKey } = keys
      const own = segment.keys
      for (let w = 0, a = at * wordsPerKey, b = index * wordsPerKey; w < wordsPerKey; w++) if (own[a + w] !== words[b + w]) return false
      return true
    }
    const from = segment.keys[at] as number
    const to = segment.keys[at + 1] as number
    const otherFrom = keys.offsets[index] as number
    const otherTo = keys.offsets[index + 1] as number
    return to - from === otherTo - otherFrom && this.keyHeap.compare(from, to, keys.bytes, otherFrom, otherTo) === 0
  }

  /** Orders two rows by key: negative, 0 or positive. */
  compareRows(a: number, b: number): number {
    const left = this.segmentAt(this.segmentOf(a))
    const right = this.segmentAt(this.segmentOf(b))
    const { wordsPerKey } = this.layout
    if (wordsPerKey === 0) {
      const i = a - left.firstRow
      const j = b - right.firstRow
      const { keys } = right
      return this.keyHeap.compareOwn(left.keys[i] as number, left.keys[i + 1] as number, keys[j] as number, keys[j + 1] as number)
    }
    for (let w = 0, i = (a - left.firstRow) * wordsPerKey, j = (b - right.firstRow) * wordsPerKey; w < wordsPerKey; w++) {
      const x = left.keys[i + w] as number
      const y = right.keys[j + w] as number
      if (x !== y) return x < y ? -1 : 1
    }
    return 0
  }

  /** Orders a row's key against an encoded key or bound, as `compareKeyToBytes` does. */
  compareRowToBytes(row: number, bytes: Uint8Array): number {
    const segment = this.segmentAt(this.segmentOf(row))
    const at = row - segment.firstRow
    const { wordsPerKey } = this.layout
    if (wordsPerKey === 0) return this.keyHeap.compare(segment.keys[at] as number, segment.keys[at + 1] as number, bytes, 0, bytes.length)
    return compareKeyToBytes({ form: 'fixed', count: segment.capacity, wordsPerKey, words: segment.keys }, at, bytes)
  }

  /** The encoded key of a row. */
  keyBytes(row: number): Uint8Array {
    const segment = this.segmentAt(this.segmentOf(row))
    const at = row - segment.firstRow
    return keyBytes(this.keysIn(segment, at, at + 1), 0, keyLayout(this.schema))
  }

  /** The heap of variable keys. */
  get keyHeap(): ByteHeap {
    return this.heaps[0] as ByteHeap
  }

  /** The commit timestamp at which a row was inserted. */
  timestampOf(row: number): number {
    const segment = this.segmentAt(this.segmentOf(row))
    return segment.timestamps[row - segment.firstRow] as number
  }

  /** Puts the row's values of the columns at `positions`, each raised by `shift`, into `out`, as a row shows them. */
  readRow(row: number, positions: readonly number[], out: ColumnValue[], shift = 0): void {
    const segment = this.segmentAt(this.segmentOf(row))
    for (let i = 0; i < positions.length; i++) {
      const position = (positions[i] as number) + shift
      out[i] = memValue(this, segment.columns[position] as MemColumn, position, row - segment.firstRow)
    }
  }

  /**
   * As `readRow`, as vectors: for each position one that holds the row's value, and its index there. The vectors may
   * span other rows, and tell of nulls that they have none of.
   */
  vectorsAt(row: number, positions: readonly number[], vectors: ColumnVector[], indexes: number[], shift = 0): void {
    const segment = this.segmentAt(this.segmentOf(row))
    const at = row - segment.firstRow
    for (let i = 0; i < positions.length; i++) {
      const position = (positions[i] as number) + shift
      const column = segment.columns[position] as MemColumn
      const whole = column.layout.heap < 0
      vectors[i] = whole ? column.wholeVector() : this.vector(segment, position, at, at + 1)
      indexes[i] = whole ? at : 0
    }
  }

  /** Rows `[from .. to)` of a segment as a vector: views where the form allows it. */
  vector(segment: MemSegment, position: number, from: number, to: number): ColumnVector {
    const column = segment.columns[position] as MemColumn
    const nulls = column.nullCount === 0 ? undefined : nullsIn(column.nulls as Uint8Array, from, to)
    const length = to - from
    if (column.layout.heap >= 0) {
      const heap = this.heaps[column.layout.heap] as ByteHeap
      return { form: 'bytes', length, ...bytesIn(column.values as Uint32Array, heap, from, to), nulls }
    }
    if (column.wide === undefined) return { form: 'fixed', length, values: (column.values as Float64Array).subarray(from, to), nulls }
    const wide = column.wide.subarray(from, to)
    return { form: 'fixed', length, values: allWithinDoubles(wide) ? doublesOf(wide) : wide, nulls }
  }

  /** The keys of rows `[from .. to)` of a segment. */
  keysIn(segment: MemSegment, from: number, to: number): KeyBlock {
    const { wordsPerKey } = this.layout
    const count = to - from
    if (wordsPerKey > 0) {
      return { form: 'fixed', count, wordsPerKey, words: segment.keys.subarray(from * wordsPerKey, to * wordsPerKey) } satisfies FixedKeys
    }
    return { form: 'variable', count, ...bytesIn(segment.keys, this.keyHeap, from, to) } satisfies VariableKeys
  }
}

/** A view of the rows' nulls, or undefined if there are none among them. */
function nullsIn(nulls: Uint8Array, from: number, to: number): Uint8Array | undefined {
  const view = nulls.subarray(from, to)
  return view.includes(1) ? view : undefined
}

function bytesIn(positions: Uint32Array, heap: ByteHeap, from: number, to: number): Pick<BytesVector, 'offsets' | 'bytes'> {
  const first = positions[from] as number
  const offsets = new Uint32Array(to - from + 1)
  for (let i = 0; i < offsets.length; i++) offsets[i] = (positions[from + i] as number) - first
  return { offsets, bytes: heap.bytes(first, positions[to] as number) }
}
