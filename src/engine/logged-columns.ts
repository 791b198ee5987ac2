import { VarveError } from '../base/errors.ts'
import type { ColumnVector, RowBlock } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import { defaultVector } from '../schema/vector-ops.ts'
import type { LogBatch, LogSection } from '../wal/batch-format.ts'

/** Some columns of rows. */
export interface GivenColumns {
  /** Ascending, in the table's schema as it is now; those of the key are among them. */
  readonly positions: readonly number[]
  /** The columns at `positions`, in that order. */
  readonly block: RowBlock
}

/**
 * The columns of a logged section that its table still has: those that it has dropped since are left out. CORRUPTION if
 * the section has a column that the table never had, one twice, or lacks one of the key.
 */
export function givenColumns(batch: LogBatch, section: LogSection, schema: TableSchema): GivenColumns {
  const { columnIds, rows } = section
  const given = new Map(columnIds.map((id, k) => [id, rows.columns[k] as ColumnVector]))
  const isKnown = columnIds.every((id) => id < schema.nextColumnId) && given.size === columnIds.length
  const hasKey = schema.keyColumns.every((position) => given.has(schema.columns[position]?.id ?? -1))
  if (!isKnown || !hasKey) throw otherColumns(batch, schema)
  const positions: number[] = []
  const columns: ColumnVector[] = []
  for (const [position, { id }] of schema.columns.entries()) {
    const column = given.get(id)
    if (column === undefined) continue
    positions.push(position)
    columns.push(column)
  }
  return { positions, block: { rowCount: rows.rowCount, columns } }
}

/**
 * The whole rows of a logged insert or reinsert, in the table's columns as they are now: those added since have their
 * defaults. CORRUPTION as for `givenColumns`, or if one is missing that the table had already: ids rise, so that a column
 * which was added later has a greater one than all that the section names.
 */
export function wholeRows(batch: LogBatch, section: LogSection, schema: TableSchema): RowBlock {
  const { columnIds, rows } = section
  const { columns } = schema
  if (columnIds.length === columns.length && columns.every(({ id }, position) => id === columnIds[position])) return rows
  const { positions, block } = givenColumns(batch, section, schema)
  const lastId = Math.max(...columnIds)
  const at = new Map(positions.map((position, k) => [position, block.columns[k] as ColumnVector]))
  const whole = columns.map((column, position) => {
    const vector = at.get(position)
    if (vector === undefined && column.id < lastId) throw otherColumns(batch, schema)
    return vector ?? defaultVector(column, rows.rowCount)
  })
  return { rowCount: rows.rowCount, columns: whole }
}

function otherColumns({ path, offset }: LogBatch, { name }: TableSchema): VarveError {
  return new VarveError(
    'CORRUPTION',
    `The log ${path} has, at offset ${offset}, rows of table ${name} with other columns than the table's.`,
    {
      context: { path, offset, table: name },
    },
  )
}
