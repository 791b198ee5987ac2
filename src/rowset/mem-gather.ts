import type { BytesVector, ColumnVector, FixedArray, KeyBlock } from '../schema/column-vector.ts'
import type { ByteHeap } from './byte-heap.ts'
import { allWithinDoubles, doublesOf } from './int64-doubles.ts'
import type { MemRows } from './mem-rows.ts'
import type { MemColumn, RawArray } from './mem-segment.ts'

/**
 * Collects the rows that a list of row ids names, in its order, column by column. Results are copies in plain memory,
 * `count` long. Loops are split by element width; rows are located once for all columns.
 */
export class RowGather {
  readonly count: number
  private readonly rows: MemRows
  private readonly segments: Uint16Array
  private readonly offsets: Int32Array

  /** The rows `ids[from .. to)`. */
  constructor(rows: MemRows, ids: Int32Array, from: number, to: number) {
    this.rows = rows
    this.count = to - from
    this.segments = new Uint16Array(this.count)
    this.offsets = new Int32Array(this.count)
    const first = rows.layout.first.rowCount
    const rest = rows.layout.rest.rowCount
    for (let i = 0; i < this.count; i++) {
      const row = ids[from + i] as number
      const segment = row < first ? 0 : 1 + (((row - first) / rest) | 0)
      this.segments[i] = segment
      this.offsets[i] = segment === 0 ? row : row - first - (segment - 1) * rest
    }
  }

  /** A column of the rows. */
  column(position: number): ColumnVector {
    const columns = this.rows.columnLists[position] as readonly MemColumn[]
    const { layout } = columns[0] as MemColumn
    const nulls = columns.some((column) => column.nullCount > 0) ? this.nulls(columns) : undefined
    if (layout.heap >= 0) {
      const positions = columns.map((column) => column.values as Uint32Array)
      return { form: 'bytes', length: this.count, ...this.bytes(positions, this.rows.heaps[layout.heap] as ByteHeap), nulls }
    }
    return { form: 'fixed', length: this.count, values: this.fixed(columns, this.rows.rawLists[position] as readonly RawArray[]), nulls }
  }

  /** The rows' keys. */
  keys(): KeyBlock {
    const sources = this.rows.keyLists
    const { wordsPerKey } = this.rows.layout
    if (wordsPerKey === 0) return { form: 'variable', count: this.count, ...this.bytes(sources, this.rows.heaps[0] as ByteHeap) }
    const words = new Uint32Array(this.count * wordsPerKey)
    const { segments, offsets, count } = this
    for (let i = 0, at = 0; i < count; i++) {
      const source = sources[segments[i] as number] as Uint32Array
      const first = (offsets[i] as number) * wordsPerKey
      for (let w = 0; w < wordsPerKey; w++) words[at++] = source[first + w] as number
    }
    return { form: 'fixed', count, wordsPerKey, words }
  }

  /** The commit timestamps at which the rows were inserted. */
  timestamps(): Float64Array {
    const timestamps = new Float64Array(this.count)
    gather8(timestamps, this.rows.timestampLists, this.segments, this.offsets)
    return timestamps
  }

  private nulls(columns: readonly MemColumn[]): Uint8Array | undefined {
    const nulls = new Uint8Array(this.count)
    gather1(
      nulls,
      columns.map((column) => column.nulls as Uint8Array),
      this.segments,
      this.offsets,
    )
    return nulls.includes(1) ? nulls : undefined
  }

  private fixed(columns: readonly MemColumn[], sources: readonly RawArray[]): FixedArray {
    if (columns.some((column) => column.wide !== undefined)) return this.wide(columns)
    const { kind, width } = (columns[0] as MemColumn).layout
    const buffer = new ArrayBuffer(this.count * width)
    switch (width) {
      case 1:
        gather1(new Uint8Array(buffer), sources as Uint8Array[], this.segments, this.offsets)
        return kind === 'int8' ? new Int8Array(buffer) : new Uint8Array(buffer)
      case 2:
        gather2(new Int16Array(buffer), sources as Int16Array[], this.segments, this.offsets)
        return new Int16Array(buffer)
      case 4:
        gather4(new Int32Array(buffer), sources as Int32Array[], this.segments, this.offsets)
        return kind === 'float' ? new Float32Array(buffer) : new Int32Array(buffer)
      case 8:
        gather8(new Float64Array(buffer), sources as Float64Array[], this.segments, this.offsets)
        return new Float64Array(buffer)
    }
  }

  /** An int64 column of which some segment holds values beyond ±2^53; rare, so made of BigInts one by one. */
  private wide(columns: readonly MemColumn[]): FixedArray {
    const values = new BigInt64Array(this.count)
    for (let i = 0; i < this.count; i++) {
      const column = columns[this.segments[i] as number] as MemColumn
      const at = this.offsets[i] as number
      values[i] = column.wide === undefined ? BigInt(column.values[at] as number) : (column.wide[at] as bigint)
    }
    return allWithinDoubles(values) ? doublesOf(values) : values
  }

  private bytes(sources: readonly Uint32Array[], heap: ByteHeap): Pick<BytesVector, 'offsets' | 'bytes'> {
    const { segments, offsets: rowOffsets, count } = this
    const starts = new Uint32Array(count)
    const offsets = new Uint32Array(count + 1)
    let total = 0
    for (let i = 0; i < count; i++) {
      const positions = sources[segments[i] as number] as Uint32Array
      const at = rowOffsets[i] as number
      const start = positions[at] as number
      starts[i] = start
      total += (positions[at + 1] as number) - start
      offsets[i + 1] = total
    }
    const bytes = new Uint8Array(total)
    for (let i = 0; i < count; i++) {
      const start = starts[i] as number
      const at = offsets[i] as number
      heap.copyTo(bytes, at, start, start + (offsets[i + 1] as number) - at)
    }
    return { offsets, bytes }
  }
}

type Sources<T extends RawArray> = readonly T[]

function gather1(target: Uint8Array, sources: Sources<Uint8Array>, segments: Uint16Array, offsets: Int32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (sources[segments[i] as number] as Uint8Array)[offsets[i] as number] as number
}

function gather2(target: Int16Array, sources: Sources<Int16Array>, segments: Uint16Array, offsets: Int32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (sources[segments[i] as number] as Int16Array)[offsets[i] as number] as number
}

function gather4(target: Int32Array, sources: Sources<Int32Array>, segments: Uint16Array, offsets: Int32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (sources[segments[i] as number] as Int32Array)[offsets[i] as number] as number
}

function gather8(target: Float64Array, sources: Sources<Float64Array>, segments: Uint16Array, offsets: Int32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (sources[segments[i] as number] as Float64Array)[offsets[i] as number] as number
}
