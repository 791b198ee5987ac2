import type { BatchSource, KeyRange } from '../rowset/batch-source.ts'
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import type { RowStream } from '../tablet/pinned-streams.ts'
import type { ScanPlan } from './scan-plan.ts'

/** What a scan reads: streams over one state of every tablet, held until `release`. */
export interface ScanSource {
  readonly range: KeyRange
  readonly streams: readonly RowStream[]
  /** Idempotent, and callable apart from its object. */
  readonly release: () => void
}

/** Rows of a batch that match, and the columns that were asked for. */
export interface MatchedBatch {
  readonly rowCount: number
  /** Matching rows, ascending (or, of a sorted scan, in the scan's order); undefined: all. Never empty. */
  readonly selection: Int32Array | undefined
  column(position: number): ColumnVector
  /** Only if keys were asked for. */
  keys(): KeyBlock
}

export interface MatchOptions {
  readonly signal: AbortSignal | undefined
  /** Columns to have ready besides those of the plan. */
  readonly positions: readonly number[]
  readonly keys?: boolean
}

/** The matching rows of one batch, with their columns ready; undefined if there are none. A promise only if something must be read. */
export function matchBatch(
  plan: ScanPlan,
  batch: BatchSource,
  o: MatchOptions,
): MatchedBatch | undefined | Promise<MatchedBatch | undefined> {
  const { predicate } = plan
  if (predicate && !predicate.mightMatch((position) => batch.zoneMap(position))) return undefined
  const pending = batch.prepare({ columns: predicate?.columns ?? [] })
  if (pending) return pending.then(() => selectRows(plan, batch, o))
  return selectRows(plan, batch, o)
}

function selectRows(plan: ScanPlan, batch: BatchSource, o: MatchOptions): MatchedBatch | undefined | Promise<MatchedBatch | undefined> {
  const visible = batch.selection()
  const selection = plan.predicate ? plan.predicate.select(batch, visible) : visible
  if (selection ? selection.length === 0 : batch.rowCount === 0) return undefined
  const matched: MatchedBatch = {
    rowCount: batch.rowCount,
    selection,
    column: (position) => batch.column(position),
    keys: () => batch.keys(),
  }
  const pending = batch.prepare({ columns: o.positions, keys: o.keys ?? false })
  return pending ? pending.then(() => matched) : matched
}
