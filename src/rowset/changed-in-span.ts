/**
 * Which rows of a run were changed in a span of time, and what became of them:
 *   1. candidates: rows inserted in the span, and those that a delta with a time in the span names, be it undo or redo;
 *      of each, the newest such time
 *   2. whether each was there at the beginning of the span, and is at its end; one that never was is left out
 *   3. the run at the end of the span, its columns loaded: of rows that are gone, the key
 * Nothing is read of a run that no time of the span touches.
 */
import type { TableSchema } from '../schema/table-schema.ts'
import type { BaseRun } from './base-runs.ts'
import type { BatchSource } from './batch-source.ts'
import type { DeltaStack } from './delta-stack.ts'
import type { DeltaSource } from './row-changes.ts'

/** After `from`, through `to`: timestamps. */
export interface TimeSpan {
  readonly from: number
  readonly to: number
}

/** Rows of a run that were changed in a span; as long as one another, in the order of their ids. */
export interface ChangedInSpan {
  /** The run at the end of the span. Prepared: all columns, or, if `isThere` is 0 throughout, those of the key. */
  readonly batch: BatchSource
  /** Counted from the beginning of the run. */
  readonly rows: Int32Array
  /** When each was changed last within the span. */
  readonly times: Float64Array
  /** 1 for each that was there at the beginning, and is at the end. */
  readonly wasThere: Uint8Array
  readonly isThere: Uint8Array
}

/** Whether a source has changes with times in the span. */
export function meetsSpan({ minTime, maxTime }: Pick<DeltaSource, 'minTime' | 'maxTime'>, { from, to }: TimeSpan): boolean {
  return maxTime > from && minTime <= to
}

/** Undefined: none was changed. The caller holds the stack. */
export async function changedInSpan(
  run: BaseRun,
  stack: DeltaStack,
  o: { readonly schema: TableSchema; readonly span: TimeSpan },
): Promise<ChangedInSpan | undefined> {
  const { schema, span } = o
  const newest = await newestTimes(run, stack, span)
  if (newest === undefined) return undefined
  const before = run.minTime > span.from ? undefined : run.at(span.from)
  const batch = run.at(span.to)
  if (before) await before.prepare({ columns: [] })
  await batch.prepare({ columns: schema.keyColumns })
  const wasThere = before ? presence(before) : new Uint8Array(run.rowCount)
  const isThere = presence(batch)
  const rows = rowsOf(newest, wasThere, isThere)
  if (rows.length === 0) return undefined
  if (rows.some((row) => isThere[row] === 1)) await batch.prepare({ columns: schema.columns.map((_, position) => position) })
  return {
    batch,
    rows,
    times: Float64Array.from(rows, (row) => newest[row] as number),
    wasThere: Uint8Array.from(rows, (row) => wasThere[row] as number),
    isThere: Uint8Array.from(rows, (row) => isThere[row] as number),
  }
}

/** For each row of the run when it was changed last within the span; 0: not at all. Undefined: none was. */
async function newestTimes(run: BaseRun, stack: DeltaStack, span: TimeSpan): Promise<Float64Array | undefined> {
  const { firstRow, rowCount } = run
  const newest = new Float64Array(rowCount)
  let isAny = false
  if (meetsSpan(run, span)) {
    const inserted = await run.insertTimes()
    for (let i = 0; i < rowCount; i++) {
      const time = inserted[i] as number
      if (time <= span.from || time > span.to) continue
      newest[i] = time
      isAny = true
    }
  }
  for (const source of [...stack.undo, ...stack.redo]) {
    if (!meetsSpan(source, span) || source.countIn(firstRow, firstRow + rowCount) === 0) continue
    const changes = source.open(firstRow, firstRow + rowCount)
    await changes.prepare([])
    const { count, rows, times } = changes
    for (let k = 0; k < count; k++) {
      const time = times[k] as number
      const row = (rows[k] as number) - firstRow
      if (time <= span.from || time > span.to || time <= (newest[row] as number)) continue
      newest[row] = time
      isAny = true
    }
  }
  return isAny ? newest : undefined
}

/** 1 for each row that a prepared batch shows. */
function presence(batch: BatchSource): Uint8Array {
  const selection = batch.selection()
  if (selection === undefined) return new Uint8Array(batch.rowCount).fill(1)
  const there = new Uint8Array(batch.rowCount)
  for (let k = 0; k < selection.length; k++) there[selection[k] as number] = 1
  return there
}

function rowsOf(newest: Float64Array, wasThere: Uint8Array, isThere: Uint8Array): Int32Array {
  const rows = new Int32Array(newest.length)
  let count = 0
  for (let row = 0; row < newest.length; row++) {
    if (newest[row] !== 0 && (wasThere[row] === 1 || isThere[row] === 1)) rows[count++] = row
  }
  return rows.subarray(0, count)
}
