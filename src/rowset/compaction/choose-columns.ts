import type { DeltaStatistics } from '../../manifest/version-edit.ts'
import type { TableSchema } from '../../schema/table-schema.ts'

/** What is known of a rowset's changes without reading any. */
export interface ColumnUpdates {
  /** The current schema of the table. */
  readonly schema: TableSchema
  /** Rows of the rowset. */
  readonly rows: number
  /** Statistics of the redo files that would be compacted: a run that begins at the oldest. */
  readonly redo: readonly DeltaStatistics[]
}

export interface ColumnChoice {
  /** Ids of the columns to rewrite, in the order of the schema. */
  readonly columns: readonly number[]
  /** The greatest share of rows that changes of one of them may touch: more than this cannot be gained. */
  readonly rowShare: number
}

/** Below this share of updated rows a column is not rewritten, as in Kudu. */
export const updatedShareMin = 0.1

/**
 * Which columns a major delta compaction should rewrite: each that changes set in at least a tenth of the rows. Undefined:
 * no column is worth it. Changes are counted, not rows: a file counts for no more rows than it spans, all of them for no
 * more than there are.
 */
export function chooseColumns({ schema, rows, redo }: ColumnUpdates, shareMin = updatedShareMin): ColumnChoice | undefined {
  const touched = new Map<number, number>()
  for (const { updates, minRow, maxRow } of redo)
    for (const [id, count] of updates) touched.set(id, (touched.get(id) ?? 0) + Math.min(count, maxRow - minRow + 1))
  const columns: number[] = []
  let rowShare = 0
  schema.columns.forEach(({ id }, position) => {
    const share = Math.min(1, (touched.get(id) ?? 0) / rows)
    if (share < shareMin || schema.keyColumns.includes(position)) return
    columns.push(id)
    rowShare = Math.max(rowShare, share)
  })
  return columns.length === 0 ? undefined : { columns, rowShare }
}
