/**
 * Changing a table: from its schema and what is asked for to its next schema. Columns keep their ids, so that files written
 * before are read as they are: what a file has of a dropped column is passed over, and a column that it lacks shows its
 * default. An id is never used twice: a column that takes the name of a dropped one is another one.
 */
import { VarveError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { describeValue } from './column-value.ts'
import type { ColumnKind } from './column-vector.ts'
import type { AnyColumn, Column } from './columns.ts'
import { definitionMismatch, schemaDifference } from './schema-diff.ts'
import { requireColumns, requireName, requireOptionNames } from './table-definition.ts'
import type { ColumnSchema, PartitionSchema, TableSchema } from './table-schema.ts'
import type { TableDefinition } from './table-types.ts'

/** A column that can be added to a table: rows that are there already show its default, or null. */
export type AddableColumn = Column<ColumnKind, unknown, true, boolean> | Column<ColumnKind, unknown, boolean, true>

type ColumnName<T> = T extends TableDefinition<string, infer C> ? keyof C & string : string
type KeyName<T> = T extends TableDefinition<string, infer C, infer K> ? (string extends keyof C ? never : K[number]) : never

/** What becomes of a table of definition `T`, all at once: columns are dropped, then renamed, then added. */
export interface TableChange<T = TableDefinition> {
  /** Columns to add behind the others, each nullable or with a default, which is what rows that are there have in it. */
  readonly addColumns?: { readonly [name: string]: AddableColumn }
  /** Columns to drop, with all that they hold; none of the key. */
  readonly dropColumns?: readonly Exclude<ColumnName<T>, KeyName<T>>[]
  /** New names of columns, by their present ones; two may change names with each other. */
  readonly renameColumns?: { readonly [K in ColumnName<T>]?: string }
  /** A new name for the table. */
  readonly renameTo?: string
}

/** TypeError unless this is a change that some table could take. */
export function requireTableChange(table: string, change: unknown): asserts change is TableChange {
  requireOptionNames(change, ['addColumns', 'dropColumns', 'renameColumns', 'renameTo'], `alterTable(${JSON.stringify(table)})`)
  const { addColumns, dropColumns, renameColumns, renameTo } = change as Record<keyof TableChange, unknown>
  if (addColumns !== undefined) requireAddable(table, addColumns)
  if (dropColumns !== undefined) {
    if (!Array.isArray(dropColumns) || !dropColumns.every((name) => typeof name === 'string'))
      throw new TypeError(`Table ${table}: dropColumns is an array of column names; got ${describeValue(dropColumns)}.`)
    if (new Set(dropColumns).size !== dropColumns.length)
      throw new TypeError(`Table ${table}: dropColumns names a column twice: ${dropColumns.join(', ')}.`)
  }
  if (renameColumns !== undefined) {
    if (typeof renameColumns !== 'object' || renameColumns === null || Array.isArray(renameColumns))
      throw new TypeError(`Table ${table}: renameColumns is an object of present name: new name; got ${describeValue(renameColumns)}.`)
    for (const name of Object.values(renameColumns)) if (name !== undefined) requireName(name, `A column of table ${table}`)
  }
  if (renameTo !== undefined) requireName(renameTo, 'A table')
}

/** The schema after a change; undefined: nothing changes. SCHEMA_MISMATCH { table, column } if the table cannot be changed so. */
export function changedSchema(stored: TableSchema, change: TableChange): TableSchema | undefined {
  const { renameTo = stored.name } = change
  const dropped = droppedColumns(stored, change)
  const kept = renamedColumns(
    stored,
    stored.columns.filter((column) => !dropped.has(column)),
    change,
  )
  const added = Object.entries(change.addColumns ?? {}).map(
    ([name, { spec }], i): ColumnSchema => ({ id: stored.nextColumnId + i, name, ...spec }),
  )
  const columns = [...kept, ...added]
  const isSame = columns.length === stored.columns.length && columns.every((column, position) => column === stored.columns[position])
  if (isSame && renameTo === stored.name) return undefined
  requireDistinct(stored, columns)
  const positionNow = (position: number) => columns.findIndex(({ id }) => id === stored.columns[position]?.id)
  const { partition } = stored
  const nextPartition: PartitionSchema =
    partition.scheme === 'none' ? partition : { ...partition, columns: partition.columns.map(positionNow) }
  return {
    ...stored,
    name: renameTo,
    columns,
    keyColumns: stored.keyColumns.map(positionNow),
    partition: nextPartition,
    version: stored.version + 1,
    nextColumnId: stored.nextColumnId + added.length,
  }
}

/**
 * The schema with the columns that only the definition has; undefined: there are none. SCHEMA_MISMATCH if the definition
 * differs in anything else, or if one of these could not be added.
 */
export function withMissingColumns(definition: TableDefinition, stored: TableSchema): TableSchema | undefined {
  const difference = schemaDifference(definition, stored)
  if (difference === undefined) return undefined
  const missing = Object.entries(definition.columns).filter(([name]) => difference.added.includes(name))
  const unfit = missing.filter(([, column]) => !isAddable(column)).map(([name]) => name)
  if (difference.removed.length + difference.changed.length > 0) throw definitionMismatch(definition, stored)
  if (unfit.length === 0)
    return changedSchema(stored, { addColumns: Object.fromEntries(missing) as NonNullable<TableChange['addColumns']> })
  throw new VarveError(
    'SCHEMA_MISMATCH',
    `Table ${stored.name} has no column ${unfit.join(', ')}, and rows that are there would have no value in it: declare it nullable() or give it a default().`,
    { context: { table: stored.name, ...difference } },
  )
}

function isAddable({ spec }: AnyColumn): boolean {
  return spec.nullable || (spec.default !== undefined && spec.default !== null)
}

function requireAddable(table: string, addColumns: unknown): void {
  const isObject = typeof addColumns === 'object' && addColumns !== null && !Array.isArray(addColumns)
  if (isObject && Object.keys(addColumns).length === 0) return
  requireColumns(table, addColumns)
  for (const [name, column] of Object.entries(addColumns)) {
    if (!isAddable(column))
      throw new TypeError(
        `Column ${name} cannot be added to table ${table}: rows that are there would have no value in it; declare it nullable() or give it a default().`,
      )
  }
}

function droppedColumns(stored: TableSchema, { dropColumns = [] }: TableChange): ReadonlySet<ColumnSchema> {
  const keys = stored.keyColumns.map((position) => stored.columns[position])
  const dropped = dropColumns.map((name) => columnNamed(stored, stored.columns, name))
  for (const column of dropped) {
    if (keys.includes(column)) {
      const advice = 'Make a table with another key, and copy the rows.'
      throw misfit(stored, column.name, `column ${column.name} is part of the primary key and cannot be dropped. ${advice}`)
    }
  }
  return new Set(dropped)
}

/** The columns, those under another name as new objects. */
function renamedColumns(stored: TableSchema, kept: readonly ColumnSchema[], { renameColumns = {} }: TableChange): ColumnSchema[] {
  const names = new Map(
    Object.entries(renameColumns).flatMap(([from, to]) => (to === undefined ? [] : [[columnNamed(stored, kept, from), to] as const])),
  )
  return kept.map((column) => {
    const name = names.get(column) ?? column.name
    return name === column.name ? column : { ...column, name }
  })
}

function columnNamed(stored: TableSchema, columns: readonly ColumnSchema[], name: string): ColumnSchema {
  const column = columns.find((one) => one.name === name)
  if (column !== undefined) return column
  const known = columns.map((one) => one.name)
  throw misfit(stored, name, `there is no column ${JSON.stringify(name)}; there are ${known.join(', ')}.${didYouMean(name, known)}`)
}

function requireDistinct(stored: TableSchema, columns: readonly ColumnSchema[]): void {
  const names = new Set<string>()
  for (const { name } of columns) {
    if (names.has(name))
      throw misfit(stored, name, `two columns would be called ${JSON.stringify(name)}. Choose another name, or drop the other one.`)
    names.add(name)
  }
}

function misfit({ name: table }: TableSchema, column: string, problem: string): VarveError {
  return new VarveError('SCHEMA_MISMATCH', `Table ${table} was not changed: ${problem}`, { context: { table, column } })
}
