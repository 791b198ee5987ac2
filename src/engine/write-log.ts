import type { TableSchema } from '../schema/table-schema.ts'
import type { Wal } from '../wal/wal.ts'
import type { Write, WriteSection } from './write.ts'

const columnIds = new WeakMap<TableSchema, readonly number[]>()

/** Puts a write into the log as one batch, to wait for `commit`; nothing of it is left there if that throws. */
export function logWrite(log: Wal, write: Write, opId: number, timestamp: number): void {
  try {
    log.begin(opId, timestamp)
    for (const section of write.sections) logSection(log, section)
    log.end()
  } catch (error) {
    log.abandonBatch()
    throw error
  }
}

/** Adds the rows of one tablet to the batch that was begun. */
export function logSection(log: Wal, { tablet, rows }: WriteSection): void {
  const { schema, ordinal, liveGeneration } = tablet
  let ids = columnIds.get(schema)
  if (!ids) {
    ids = schema.columns.map((column) => column.id)
    columnIds.set(schema, ids)
  }
  const place = {
    target: 'memory',
    generation: liveGeneration,
    tableId: schema.tableId,
    tablet: ordinal,
    schemaVersion: schema.version,
    columnIds: ids,
  } as const
  log.section('insert', place, rows)
}
