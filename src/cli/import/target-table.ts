/** The table of an import: the one that is there, checked against the file, or a new one made to fit it. */
import { basename } from 'node:path'
import { VarveError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { AnyTable, Database } from '../../engine/api.ts'
import { type AnyColumn, binary, bool, double, float, int8, int16, int32, int64, string, timestamp } from '../../schema/columns.ts'
import { type Columns, defineTable } from '../../schema/table-definition.ts'
import { columnsOf, type KnownColumn } from '../table-choice.ts'
import { UsageError } from '../usage-error.ts'
import { InputError } from './input-error.ts'
import type { InputColumn, ProgressListener, TableInput, TargetColumn } from './table-input.ts'

/** The column that an import adds as the key of a table that has no other: numbers rows from 1. */
export const rowNumberColumn = 'row_number'

export interface ImportTarget {
  readonly table: AnyTable
  readonly created: boolean
  /** Columns that the file fills. */
  readonly columns: readonly TargetColumn[]
  /** The row number to give the file's first row; undefined: the file has the key. */
  readonly firstRowNumber: number | undefined
}

export interface TargetRequest {
  readonly db: Database
  readonly input: TableInput
  readonly path: string
  readonly table: string
  readonly key: readonly string[] | undefined
  readonly columns: readonly string[] | undefined
  readonly sampleRows: number
  readonly onProgress: ProgressListener
}

/** Finds or creates the table. SCHEMA_MISMATCH { missing, unknown } if the file's columns are not the table's. */
export async function importTarget(o: TargetRequest): Promise<ImportTarget> {
  requireChosen(o)
  const exists = o.db.tables().some(({ name }) => name === o.table)
  return exists ? existingTarget(o) : newTarget(o)
}

function requireChosen({ columns, input, path }: TargetRequest): void {
  for (const name of columns ?? []) {
    if (input.names === undefined || input.names.includes(name)) continue
    throw new UsageError(
      `--columns names "${name}", which ${basename(path)} does not have; it has ${input.names.join(', ')}.${didYouMean(name, input.names)}`,
    )
  }
}

async function existingTarget(o: TargetRequest): Promise<ImportTarget> {
  const { db, input } = o
  if (o.key && o.key.join(', ') !== keyText(db, o.table))
    throw new UsageError(
      `Table ${o.table} is there already, and its key is ${keyText(db, o.table)}. Leave --key out, or choose another --table.`,
    )
  const table = db.table(o.table)
  const known = columnsOf(table)
  const given = o.columns ?? input.names
  const numbered = isNumbered(known, given ?? input.firstNames)
  const columns = known.filter(({ name }) => (given === undefined ? !(numbered && name === rowNumberColumn) : given.includes(name)))
  if (given) requireFit({ ...o, known, given, numbered })
  const firstRowNumber = numbered ? (await lastRowNumber(table)) + 1 : undefined
  return { table, created: false, columns: columns.map((column) => withFallback(table, column)), firstRowNumber }
}

/** Whether the table's key is a row number that the file does not have. */
function isNumbered(known: readonly KnownColumn[], given: readonly string[]): boolean {
  const key = known.filter((column) => column.key)
  return key.length === 1 && key[0]?.name === rowNumberColumn && key[0].kind === 'int64' && !given.includes(rowNumberColumn)
}

async function lastRowNumber(table: AnyTable): Promise<number> {
  const last = (await table.scan({ columns: [rowNumberColumn], reverse: true, limit: 1 }).first()) as Record<string, unknown> | undefined
  return Number(last?.[rowNumberColumn] ?? 0)
}

function requireFit(o: { path: string; table: string; known: readonly KnownColumn[]; given: readonly string[]; numbered: boolean }): void {
  const { known, given } = o
  const names = known.map(({ name }) => name)
  const unknown = given.filter((name) => !names.includes(name))
  const needed = known.filter(({ name, nullable, hasDefault }) => !nullable && !hasDefault && !(o.numbered && name === rowNumberColumn))
  const missing = needed.filter(({ name }) => !given.includes(name)).map(({ name }) => name)
  if (unknown.length === 0 && missing.length === 0) return
  const free = names.filter((name) => !given.includes(name))
  const problems: string[] = []
  if (unknown.length > 0)
    problems.push(
      `the table has no column ${list(unknown.map((name) => `"${name}"`))}.${unknown.map((name) => didYouMean(name, free)).find((advice) => advice !== '') ?? ''}`,
    )
  if (missing.length > 0)
    problems.push(
      `the file has no column ${list(missing.map((name) => `"${name}"`))}, which the table needs.${missing.map((name) => didYouMean(name, unknown)).find((advice) => advice !== '') ?? ''}`,
    )
  const advice = missing.length === 0 ? ` To leave columns out, choose the others with --columns.` : ''
  const message = `${basename(o.path)} does not fit table ${o.table}: ${problems.join(' And ')} The file has ${given.join(', ')}; the table ${names.join(', ')}.${advice}`
  throw new VarveError('SCHEMA_MISMATCH', message, { context: { path: o.path, table: o.table, missing, unknown } })
}

async function newTarget(o: TargetRequest): Promise<ImportTarget> {
  const found = await o.input.describe({ columns: o.columns, sampleRows: o.sampleRows, onProgress: o.onProgress })
  if (found.length === 0)
    throw new InputError(
      `${o.path} has no rows, so the columns of a new table cannot be told. Create the table first, or give a file with rows.`,
      { path: o.path },
    )
  const { columns: wanted } = o
  const chosen = wanted ? found.filter(({ name }) => wanted.includes(name)) : found
  for (const name of wanted ?? []) {
    if (chosen.every((column) => column.name !== name))
      throw new UsageError(`--columns names "${name}", which no row of ${basename(o.path)} has.`)
  }
  const key = o.key ?? [rowNumberColumn]
  if (!o.key && chosen.some(({ name }) => name === rowNumberColumn)) {
    throw new UsageError(
      `${basename(o.path)} has a column ${rowNumberColumn} of its own. Name the key with --key, e.g. --key ${rowNumberColumn}.`,
    )
  }
  const columns: Record<string, AnyColumn> = o.key ? {} : { [rowNumberColumn]: int64({ mode: 'number' }) }
  for (const column of chosen) columns[column.name] = columnType(column, key)
  requireKey(o, chosen, key)
  const table = await createTable(o.db, o.table, columns, key)
  const filled = columnsOf(table).filter(({ name }) => o.key !== undefined || name !== rowNumberColumn)
  return { table, created: true, columns: filled.map((column) => withFallback(table, column)), firstRowNumber: o.key ? undefined : 1 }
}

function requireKey(o: TargetRequest, columns: readonly InputColumn[], key: readonly string[]): void {
  if (!o.key) return
  const names = columns.map(({ name }) => name)
  for (const name of key) {
    const column = columns.find((each) => each.name === name)
    if (!column)
      throw new UsageError(
        `--key names "${name}", which is no column of ${basename(o.path)}; there are ${names.join(', ')}.${didYouMean(name, names)}`,
      )
    if (column.kind === 'float' || column.kind === 'double')
      throw new UsageError(
        `--key names "${name}", which is a ${column.kind}; a key is made of whole numbers, timestamps, strings, bools or binary.`,
      )
  }
}

async function createTable(db: Database, name: string, columns: Columns, key: readonly string[]): Promise<AnyTable> {
  const define = defineTable as (name: string, spec: { columns: Columns; primaryKey: readonly string[] }) => ReturnType<typeof defineTable>
  await db.createTable(define(name, { columns, primaryKey: key }))
  return db.table(name)
}

function columnType({ name, kind, nullable, mode }: InputColumn, key: readonly string[]): AnyColumn {
  const plain = kind === 'int64' && mode === 'number' ? int64({ mode: 'number' }) : columnTypes[kind]()
  return nullable && !key.includes(name) ? plain.nullable() : plain
}

const columnTypes: Readonly<Record<InputColumn['kind'], () => AnyColumn>> = {
  bool,
  int8,
  int16,
  int32,
  int64: () => int64(),
  float,
  double,
  timestamp,
  string: () => string(),
  binary,
}

function withFallback(table: AnyTable, column: KnownColumn): TargetColumn {
  const columns: Columns = table.definition.columns
  const given = columns[column.name]?.spec.default
  return { ...column, fallback: given === undefined ? (column.nullable ? null : undefined) : given }
}

function keyText(db: Database, table: string): string {
  return (db.tables().find(({ name }) => name === table)?.primaryKey ?? []).join(', ')
}

function list(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
