/**
 * A rowset's base rows by runs, for readers who look at the same rows at several moments: row groups of a file, slices of
 * a segment in memory. A scan meets them at one moment only.
 */
import type { BatchSource } from './batch-source.ts'
import { DeltaBatch } from './delta-batch.ts'
import type { DeltaStack } from './delta-stack.ts'
import { DiskBatch } from './disk-batch.ts'
import type { ScannedRowSet } from './disk-scan.ts'
import { MemSliceBatch } from './mem-batches.ts'
import type { MemRows } from './mem-rows.ts'
import { visibleRows } from './mem-visibility.ts'
import { changesOf } from './resolve-changes.ts'
import type { MemDeltaSource } from './row-changes.ts'
import { rowsPerBatchMax } from './scan-options.ts'

/** Rows `[firstRow .. firstRow + rowCount)` of a rowset. Valid as long as its rowset and its deltas are retained. */
export interface BaseRun {
  readonly firstRow: number
  readonly rowCount: number
  /** The least and greatest of the times at which its rows were inserted. */
  readonly minTime: number
  readonly maxTime: number
  /** When each row was inserted. */
  insertTimes(): Float64Array | Promise<Float64Array>
  /** The rows as a scan at a timestamp meets them, changes applied; all of them, whatever their key. */
  at(timestamp: number): BatchSource
}

const allKeys = { lower: undefined, upper: undefined }

/** The row groups of a file, which is open. */
export function* diskRuns({ reader, schema, deltas }: Omit<ScannedRowSet, 'cache'>): Generator<BaseRun> {
  for (let group = 0; group < reader.groupCount; group++) {
    const { min, max } = reader.timestampRange(group)
    const firstRow = group * reader.rowsPerGroup
    const rowCount = reader.groupRowCount(group)
    yield {
      firstRow,
      rowCount,
      minTime: min,
      maxTime: max,
      insertTimes: () => reader.timestamps(group) ?? reader.loadTimestamps(group),
      at(timestamp) {
        const batch = new DiskBatch({ reader, group, cut: undefined, timestampMax: max > timestamp ? timestamp : undefined })
        const changes = changesOf(deltas, { schema, firstRow, rowCount, timestamp })
        return changes.isEmpty ? batch : new DeltaBatch(batch, changes)
      },
    }
  }
}

/** The first `rowCount` rows of a store in memory. */
export function* memRuns(rows: MemRows, rowCount: number, deltas: DeltaStack<MemDeltaSource>): Generator<BaseRun> {
  const { schema } = rows
  for (let ordinal = 0; ordinal < rows.segments.length; ordinal++) {
    const segment = rows.segmentAt(ordinal)
    const end = Math.min(segment.capacity, rowCount - segment.firstRow)
    for (let from = 0; from < end; from += rowsPerBatchMax) {
      const to = Math.min(end, from + rowsPerBatchMax)
      const firstRow = segment.firstRow + from
      yield {
        firstRow,
        rowCount: to - from,
        minTime: segment.minTimestamp,
        maxTime: segment.maxTimestamp,
        insertTimes: () => segment.timestamps.subarray(from, to),
        at(timestamp) {
          const selection = visibleRows(rows, segment, from, to, { timestamp, range: allKeys })
          const batch = new MemSliceBatch({ rows, segment, from, to, selection })
          const changes = changesOf(deltas, { schema, firstRow, rowCount: to - from, timestamp })
          return changes.isEmpty ? batch : new DeltaBatch(batch, changes)
        },
      }
    }
  }
}
