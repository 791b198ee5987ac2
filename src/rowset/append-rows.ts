import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import { chunkBytes, type SpanSource } from './chunk-pool.ts'
import { type AppendSlice, appendAbsent, appendColumn, appendKeys, appendNumber } from './mem-append.ts'
import type { MemRows } from './mem-rows.ts'
import type { MemColumn, MemSegment } from './mem-segment.ts'

/** What a column of new rows holds: values; one number in every row; undefined: null in every row. */
export type ColumnSource = ColumnVector | number | undefined

export interface NewRows {
  readonly count: number
  /** The rows of keys and vectors to take, ascending, `count` of them; undefined: the first `count`. */
  readonly selection: Int32Array | undefined
  readonly keys: KeyBlock
  /** By position in the schema of the rows. */
  readonly columns: readonly ColumnSource[]
  /** Of all of them. */
  readonly timestamp: number
}

/**
 * Writes rows behind the last one. They are there once the caller has raised `rows.rowCount` by their count: if memory
 * cannot be had, it throws before that, and nothing was added.
 */
export function appendRows(rows: MemRows, memory: SpanSource, o: NewRows): void {
  const { count, selection, keys, columns, timestamp } = o
  let row = rows.rowCount
  for (let from = 0; from < count; ) {
    const segment = segmentWithRoom(rows, row, memory)
    const at = row - segment.firstRow
    const to = Math.min(count, from + segment.capacity - at)
    const slice = { selection, from, to, at }
    appendKeys(segment, keys.form === 'variable' ? rows.keyHeap : undefined, keys, slice, memory)
    for (let c = 0; c < segment.columns.length; c++) append(rows, segment.columns[c] as MemColumn, columns[c], slice, memory)
    segment.timestamps.fill(timestamp, at, at + to - from)
    segment.minTimestamp = Math.min(segment.minTimestamp, timestamp)
    segment.maxTimestamp = Math.max(segment.maxTimestamp, timestamp)
    row += to - from
    from = to
  }
}

function append(rows: MemRows, column: MemColumn, source: ColumnSource, slice: AppendSlice, memory: SpanSource): void {
  if (source === undefined) appendAbsent(column, slice)
  else if (typeof source === 'number') appendNumber(column, source, slice)
  else appendColumn(column, rows.heaps[column.layout.heap], source, slice, memory)
}

function segmentWithRoom(rows: MemRows, row: number, memory: SpanSource): MemSegment {
  if (row < rows.capacity) return rows.segmentAt(rows.segmentOf(row))
  return rows.addEmptySegment(memory.acquire(rows.nextSegmentBytes === chunkBytes ? 'chunk' : 'slab'))
}
