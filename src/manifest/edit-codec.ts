import { VarveError } from '../base/errors.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { LogPosition } from '../wal/log-position.ts'
import type { DeltaStatistics, FileMeta, TabletState, VersionEdit } from './version-edit.ts'

/**
 * Version edits as JSON, so that a manifest can be read by eye. JSON has no bigint, bytes, −0, NaN or infinities;
 * these occur only as default values of columns, and are written as `{"$bigint":"12"}`, `{"$bytes":"00ff"}` and
 * `{"$number":"NaN"}`. The text is padded with spaces to a multiple of 8 bytes.
 */
export function encodeEdit(edit: VersionEdit): Uint8Array {
  const json = edit.tables ? { ...edit, tables: edit.tables.map(tableToJson) } : edit
  const text = new TextEncoder().encode(JSON.stringify(json))
  const padded = new Uint8Array(text.length + ((8 - (text.length % 8)) % 8)).fill(0x20)
  padded.set(text)
  return padded
}

/** The edit of a record whose checksum is right. CORRUPTION (`where` says where) if it is not an edit all the same. */
export function decodeEdit(payload: Uint8Array, where: { path: string; offset: number }): VersionEdit {
  let edit: VersionEdit
  try {
    edit = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as VersionEdit
    if (edit.tables) edit = { ...edit, tables: edit.tables.map(tableFromJson) }
  } catch (cause) {
    throw malformed(where, 'is not JSON', cause)
  }
  const problem = editProblem(edit)
  if (problem) throw malformed(where, problem)
  return edit
}

function malformed(where: { path: string; offset: number }, problem: string, cause?: unknown): VarveError {
  const message = `The manifest ${where.path} is damaged: the version edit at offset ${where.offset} ${problem}. Restore the database from a copy.`
  return new VarveError('CORRUPTION', message, { context: where, cause })
}

/** Checks what applying an edit relies on: counts are whole numbers, lists are lists of the right things. */
function editProblem(edit: VersionEdit): string | undefined {
  if (typeof edit !== 'object' || edit === null) return 'is not an object'
  if (typeof edit.reason?.kind !== 'string') return 'has no reason'
  for (const field of ['nextFileNumber', 'lastOpId', 'lastTimestamp', 'nextTableId'] as const) {
    if (!isCount(edit[field])) return `has no valid ${field}`
  }
  for (const field of ['tables', 'droppedTables', 'removedFiles', 'addedFiles', 'tablets'] as const) {
    if (edit[field] !== undefined && !Array.isArray(edit[field])) return `has a ${field} that is not a list`
  }
  if (edit.logSyncedThrough !== undefined && !isCount(edit.logSyncedThrough)) return 'has no valid logSyncedThrough'
  if (edit.logNeededFrom !== undefined && !isPosition(edit.logNeededFrom)) return 'has no valid logNeededFrom'
  if (edit.droppedTables?.some((id) => !isCount(id))) return 'drops something that is not a table'
  if (edit.removedFiles?.some((number) => !isCount(number))) return 'removes something that is not a file'
  if (edit.tables?.some((table) => !isTable(table))) return 'has a malformed table'
  if (edit.addedFiles?.some((file) => !isFile(file))) return 'has a malformed file'
  if (edit.tablets?.some((tablet) => !isTablet(tablet))) return 'has a malformed tablet'
  return undefined
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isPosition(position: LogPosition): boolean {
  return isCount(position?.opId) && isCount(position.segment)
}

function isTable(table: TableSchema): boolean {
  return (
    isCount(table?.tableId) &&
    isCount(table.version) &&
    typeof table.name === 'string' &&
    Array.isArray(table.columns) &&
    Array.isArray(table.keyColumns)
  )
}

function isTablet(t: TabletState): boolean {
  return isCount(t?.tableId) && isCount(t.tablet) && isCount(t.flushedGeneration) && isCount(t.flushedCut) && isCount(t.historyHorizon)
}

function isFile(file: FileMeta): boolean {
  if (!isCount(file?.fileNumber) || !isCount(file.rowset) || !isCount(file.tableId) || !isCount(file.tablet)) return false
  if (!isCount(file.sizeBytes) || !isCount(file.rows) || !isCount(file.flushedThroughOp)) return false
  if (typeof file.minKeyHex !== 'string' || typeof file.maxKeyHex !== 'string') return false
  if (file.deltas !== undefined && !isDeltaStatistics(file.deltas)) return false
  return file.role === 'base' || file.role === 'redo' || file.role === 'undo'
}

function isDeltaStatistics(deltas: DeltaStatistics): boolean {
  if (!isCount(deltas?.deletes) || !isCount(deltas.lives) || !isCount(deltas.minRow) || !isCount(deltas.maxRow)) return false
  return Array.isArray(deltas.updates) && deltas.updates.every((update) => isCount(update?.[0]) && isCount(update[1]))
}

function tableToJson(table: TableSchema): object {
  return {
    ...table,
    columns: table.columns.map((column) => (column.default === undefined ? column : { ...column, default: valueToJson(column.default) })),
  }
}

function tableFromJson(table: TableSchema): TableSchema {
  const columns = table.columns.map(
    (column): ColumnSchema => (column.default === undefined ? column : { ...column, default: valueFromJson(column.default) }),
  )
  return { ...table, columns }
}

function valueToJson(value: ColumnValue): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') }
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return { $number: Object.is(value, -0) ? '-0' : String(value) }
  return value
}

function valueFromJson(value: unknown): ColumnValue {
  if (typeof value !== 'object' || value === null) return value as ColumnValue
  const tagged = value as { $bigint?: string; $bytes?: string; $number?: string }
  if (tagged.$bigint !== undefined) return BigInt(tagged.$bigint)
  if (tagged.$bytes !== undefined) return new Uint8Array(Buffer.from(tagged.$bytes, 'hex'))
  if (tagged.$number !== undefined) return Number(tagged.$number)
  throw new TypeError('An unknown kind of default value.')
}
