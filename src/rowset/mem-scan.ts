import type { BatchSource } from './batch-source.ts'
import { DeltaBatch } from './delta-batch.ts'
import type { DeltaStack } from './delta-stack.ts'
import { MemGatherBatch, MemSliceBatch } from './mem-batches.ts'
import type { MemRows } from './mem-rows.ts'
import { isBounded, visibleRows } from './mem-visibility.ts'
import { changesOf, changesOfRows } from './resolve-changes.ts'
import type { MemDeltaSource } from './row-changes.ts'
import { RunMerge } from './run-merge.ts'
import { type MemRowSetScan, rowsPerBatchMax } from './scan-options.ts'
import { partsInRange, type RunPart, type SortedRun } from './sorted-runs.ts'

type Scan = MemRowSetScan & { readonly rowCount: number; readonly deltas: DeltaStack<MemDeltaSource> }

/** Rows of the first batch in key order, where the scan does not say how many it will take. */
const firstBatchRows = 256
/** Gathering a row costs about this many times what comparing its key does. */
const gatherCost = 8

/** Whether a scan cannot do without key order. */
export function wantsOrder(o: MemRowSetScan): boolean {
  return o.sorted === true
}

/**
 * The batches of a scan. In key order, the runs are merged; they cover the scan's rows. In any order, a scan of a small
 * range takes its rows from the runs, as far as they go, and looks through the others; `compared` is told through how many.
 */
export function* memBatches(rows: MemRows, runs: readonly SortedRun[], o: Scan, compared: (keys: number) => void): Generator<BatchSource> {
  if (wantsOrder(o)) {
    yield* inOrder(rows, partsInRange(rows, runs, o.range), o)
    return
  }
  let looked = 0
  if (isBounded(o.range)) {
    const covered = Math.min(runs.at(-1)?.to ?? 0, o.rowCount)
    const parts = partsInRange(rows, runs, o.range)
    if (rowsIn(parts) * gatherCost <= covered) {
      yield* inOrder(rows, parts, o)
      looked = covered
    }
    compared(o.rowCount - looked)
  }
  yield* asTheyLie(rows, o, looked)
}

function rowsIn(parts: readonly RunPart[]): number {
  return parts.reduce((sum, part) => sum + part.high - part.low, 0)
}

function* inOrder(rows: MemRows, parts: readonly RunPart[], o: Scan): Generator<BatchSource> {
  const reverse = o.reverse === true
  const merge = new RunMerge(rows, parts, reverse)
  const everySeen = rows.segments.every((segment) => segment.maxTimestamp <= o.timestamp)
  let size = Math.min(Math.max(o.limitHint ?? firstBatchRows, 16), rowsPerBatchMax)
  for (;;) {
    const ids = new Int32Array(size)
    let count = 0
    while (count < size) {
      const row = merge.take()
      if (row < 0) break
      if (row < o.rowCount && (everySeen || rows.timestampOf(row) <= o.timestamp)) ids[count++] = row
    }
    if (count === 0) return
    const taken = ids.subarray(0, count)
    yield gatherBatch(rows, reverse ? taken.reverse() : taken, o)
    size = Math.min(size * 4, rowsPerBatchMax)
  }
}

/** Rows `firstRow ..` in slices of their segments. */
function* asTheyLie(rows: MemRows, o: Scan, firstRow: number): Generator<BatchSource> {
  for (let ordinal = firstRow < o.rowCount ? rows.segmentOf(firstRow) : rows.segments.length; ordinal < rows.segments.length; ordinal++) {
    const segment = rows.segmentAt(ordinal)
    const begin = Math.max(0, firstRow - segment.firstRow)
    const end = Math.min(segment.capacity, o.rowCount - segment.firstRow)
    if (begin >= end) return
    if (segment.minTimestamp > o.timestamp) continue
    const step = Math.ceil((end - begin) / Math.ceil((end - begin) / rowsPerBatchMax))
    for (let from = begin; from < end; from += step) {
      const to = Math.min(end, from + step)
      const selection = visibleRows(rows, segment, from, to, o)
      if (selection?.length !== 0)
        yield sliceBatch(new MemSliceBatch({ rows, segment, from, to, selection }), rows, segment.firstRow + from, o)
    }
  }
}

/** A batch with the changes of its rows. */
function sliceBatch(batch: MemSliceBatch, { schema }: MemRows, firstRow: number, { deltas, timestamp }: Scan): BatchSource {
  if (!deltas.appliesAt(timestamp)) return batch
  const changes = changesOf(deltas, { schema, firstRow, rowCount: batch.rowCount, timestamp })
  return changes.isEmpty ? batch : new DeltaBatch(batch, changes)
}

function gatherBatch(rows: MemRows, ids: Int32Array, { deltas, timestamp }: Scan): BatchSource {
  const batch = new MemGatherBatch(rows, ids)
  if (!deltas.appliesAt(timestamp)) return batch
  return new DeltaBatch(batch, changesOfRows(deltas, { schema: rows.schema, ids, timestamp }))
}
