/**
 * How changes of a table's rows are laid out, in memory and on disk alike: as rows of a table of their own, so that a
 * DeltaMemStore is a store of rows in shared memory, and a delta file an SSTable. Columns of that table:
 *   $row   int32, which row of its rowset changed
 *   $time  int64, the commit timestamp; with $row the primary key, so that one batch changes a row at most once
 *   $op    int8, see `deltaOps`
 *   the table's own columns, in their order and with their ids, all nullable and without default. Key columns are always
 *          there: a change says on its own whose row it changes. Any other one is null where it is not set.
 *   $set:N bool or null, for each column of id N that is itself nullable: true where the change sets it, to null or not
 */
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'

/**
 * What a change says of its row's state, from `$time` on (redo), or until just before it (undo):
 *   update   the columns that are set have these values, the others stay
 *   delete   the row is dead. In an undo it may set columns all the same: they hold for what was before
 *   live     the row is alive. In a redo, a reinsert: all columns are set. Of a column that a file lacks, because it was added
 *            later, the value is the column's default; one that the file has and that is not set stays (a compaction took it
 *            into the base data).
 */
export const deltaOps = { update: 1, delete: 2, live: 3 } as const
export type DeltaOp = (typeof deltaOps)[keyof typeof deltaOps]

/** Positions of the hidden columns in the schema of deltas. */
export const deltaPositions = { row: 0, time: 1, op: 2, firstColumn: 3 } as const

/** Ids of the hidden columns: far above any column of a table. */
const hiddenIds = { row: 0x7f000000, time: 0x7f000001, op: 0x7f000002, set: 0x40000000 } as const

export interface DeltaSchema {
  /** The table whose rows change. */
  readonly base: TableSchema
  /** The table that changes are rows of. */
  readonly schema: TableSchema
  /** By position in the base schema: where `$set` of the column is in `schema`; −1: the column is set where it is not null. */
  readonly setPositions: Int32Array
}

const schemas = new WeakMap<TableSchema, DeltaSchema>()

/** The schema of a table's changes; the same object for the same schema. */
export function deltaSchema(base: TableSchema): DeltaSchema {
  let delta = schemas.get(base)
  if (delta === undefined) {
    delta = makeDeltaSchema(base)
    schemas.set(base, delta)
  }
  return delta
}

/** Where a column of the base schema lies in the schema of its deltas. */
export function deltaPositionOf(position: number): number {
  return deltaPositions.firstColumn + position
}

function makeDeltaSchema(base: TableSchema): DeltaSchema {
  const columns: ColumnSchema[] = [
    hidden(hiddenIds.row, '$row', 'int32', false),
    hidden(hiddenIds.time, '$time', 'int64', false),
    hidden(hiddenIds.op, '$op', 'int8', false),
    ...base.columns.map(({ id, name, kind, mode }) => ({ id, name, kind, mode, nullable: true })),
  ]
  const setPositions = new Int32Array(base.columns.length).fill(-1)
  base.columns.forEach(({ id, nullable }, position) => {
    if (!nullable) return
    setPositions[position] = columns.length
    columns.push(hidden(hiddenIds.set + id, `$set:${id}`, 'bool', true))
  })
  const schema: TableSchema = {
    tableId: base.tableId,
    name: base.name,
    columns,
    keyColumns: [deltaPositions.row, deltaPositions.time],
    partition: { scheme: 'none' },
    maintenance: base.maintenance,
    version: base.version,
    nextColumnId: base.nextColumnId,
  }
  return { base, schema, setPositions }
}

function hidden(id: number, name: string, kind: ColumnSchema['kind'], nullable: boolean): ColumnSchema {
  return { id, name, kind, nullable, mode: 'number' }
}
