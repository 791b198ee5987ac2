import type { TableSchema } from '../schema/table-schema.ts'
import type { SectionTarget } from '../wal/batch-format.ts'
import type { Wal } from '../wal/wal.ts'
import type { Action } from './resolve-write.ts'

const columnIds = new WeakMap<TableSchema, readonly number[]>()

/** Puts a write into the log as one batch, to wait for `commit`; nothing of it is left there if that throws. */
export function logWrite(log: Wal, actions: readonly Action[], opId: number, timestamp: number): void {
  try {
    log.begin(opId, timestamp)
    for (const action of actions) logAction(log, action)
    log.end()
  } catch (error) {
    log.abandonBatch()
    throw error
  }
}

/** Adds what happens to rows of one tablet to the batch that was begun. */
export function logAction(log: Wal, action: Action): void {
  const { tablet, rows } = action
  const { schema, ordinal } = tablet
  const generation = action.op === 'insert' ? tablet.liveGeneration : tablet.generationOf(action.holder)
  const target: SectionTarget = generation === undefined ? { target: 'disk' } : { target: 'memory', generation }
  const all = allColumnIds(schema)
  const ids = action.op === 'insert' ? all : action.positions.map((position) => all[position] as number)
  log.section(
    action.op as 'insert',
    { ...target, tableId: schema.tableId, tablet: ordinal, schemaVersion: schema.version, columnIds: ids },
    rows,
  )
}

function allColumnIds(schema: TableSchema): readonly number[] {
  let ids = columnIds.get(schema)
  if (!ids) {
    ids = schema.columns.map((column) => column.id)
    columnIds.set(schema, ids)
  }
  return ids
}
