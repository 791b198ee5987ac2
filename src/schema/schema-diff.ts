import { VarveError } from '../base/errors.ts'
import { describeValue } from './column-value.ts'
import { schemaFromDefinition } from './table-definition.ts'
import type { ColumnSchema, ColumnValue, PartitionSchema, TableSchema } from './table-schema.ts'
import type { TableDefinition } from './table-types.ts'

/** How a definition differs from the stored schema. Columns are told apart by name. */
export interface SchemaDifference {
  /** Columns of the definition that are not stored. */
  readonly added: readonly string[]
  /** Stored columns that the definition does not have. */
  readonly removed: readonly string[]
  /** What is there in both but differs, in words: `column battery: stored double, defined float`. */
  readonly changed: readonly string[]
}

/** How a definition differs from what is stored, undefined if it does not. The order of columns, maintenance hints and retention may differ. */
export function schemaDifference(definition: TableDefinition, stored: TableSchema): SchemaDifference | undefined {
  const defined = schemaFromDefinition(definition, { tableId: stored.tableId })
  const storedByName = new Map(stored.columns.map((column) => [column.name, column]))
  const definedNames = new Set(defined.columns.map(({ name }) => name))
  const added = defined.columns.filter(({ name }) => !storedByName.has(name)).map(({ name }) => name)
  const removed = stored.columns.filter(({ name }) => !definedNames.has(name)).map(({ name }) => name)
  const changed: string[] = []
  for (const column of defined.columns) {
    const before = storedByName.get(column.name)
    if (before !== undefined) pushChange(changed, `column ${column.name}`, describeColumn(before), describeColumn(column))
  }
  pushChange(changed, 'primary key', describeKey(stored), describeKey(defined))
  pushChange(changed, 'partitions', describePartition(stored), describePartition(defined))
  return added.length + removed.length + changed.length === 0 ? undefined : { added, removed, changed }
}

/** SCHEMA_MISMATCH { table, added, removed, changed } if a definition differs from the stored schema, else undefined. */
export function definitionMismatch(definition: TableDefinition, stored: TableSchema): VarveError | undefined {
  const difference = schemaDifference(definition, stored)
  if (difference === undefined) return undefined
  const { added, removed, changed } = difference
  const parts = [
    ...(added.length > 0 ? [`not stored: ${added.join(', ')}`] : []),
    ...(removed.length > 0 ? [`not in the definition: ${removed.join(', ')}`] : []),
    ...changed,
  ]
  const isWider = removed.length + changed.length === 0
  const advice = isWider ? ", or add them with createTable(definition, { ifNotExists: true, migrate: 'add-columns' })" : ''
  return new VarveError(
    'SCHEMA_MISMATCH',
    `The definition of table ${stored.name} differs from the stored one (${parts.join('; ')}). Change the definition to match${advice}, or define a table of another name.`,
    {
      context: { table: stored.name, added, removed, changed },
    },
  )
}

function pushChange(changed: string[], what: string, stored: string, defined: string): void {
  if (stored !== defined) changed.push(`${what}: stored ${stored}, defined ${defined}`)
}

function describeColumn(column: ColumnSchema): string {
  const mode = column.kind === 'int64' ? ` (${column.mode})` : ''
  const fallback = column.default === undefined ? '' : `, default ${describeDefault(column.default)}`
  return `${column.kind}${mode}${column.nullable ? ', nullable' : ''}${fallback}`
}

/** Exact, unlike `describeValue`, which cuts long text: two defaults differ if and only if this does. */
function describeDefault(value: ColumnValue): string {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  return typeof value === 'string' ? JSON.stringify(value) : describeValue(value)
}

function describeKey(schema: TableSchema): string {
  return columnNames(schema, schema.keyColumns)
}

function describePartition(schema: TableSchema): string {
  const partition: PartitionSchema = schema.partition
  if (partition.scheme === 'none') return 'none'
  const names = columnNames(schema, partition.columns)
  return partition.scheme === 'hash'
    ? `hash of ${names} in ${partition.count}`
    : `ranges of ${names} at ${partition.boundsHex.join(', ')} (encoded)`
}

function columnNames(schema: TableSchema, positions: readonly number[]): string {
  return `(${positions.map((position) => schema.columns[position]?.name).join(', ')})`
}
