import type { TableSchema } from '../schema/table-schema.ts'
import type { Wal } from '../wal/wal.ts'
import type { Action } from './resolve-write.ts'

const idsOfColumns = new WeakMap<TableSchema, readonly number[]>()

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
  const all = allColumnIds(schema)
  const columnIds = action.op === 'insert' ? all : action.positions.map((position) => all[position] as number)
  const { tableId, version: schemaVersion } = schema
  const section =
    generation === undefined
      ? { target: 'disk' as const, tableId, tablet: ordinal, schemaVersion, columnIds }
      : { target: 'memory' as const, generation, tableId, tablet: ordinal, schemaVersion, columnIds }
  log.section(action.op as 'insert', section, rows)
}

function allColumnIds(schema: TableSchema): readonly number[] {
  let ids = idsOfColumns.get(schema)
  if (!ids) {
    ids = schema.columns.map((column) => column.id)
    idsOfColumns.set(schema, ids)
  }
  return ids
}
