import { didYouMean } from '../base/suggest.ts'
import { describeValue } from './column-value.ts'
import { columnFromSchema, isColumn } from './columns.ts'
import { compareBytes } from './key-search.ts'
import { decodePartitionBounds, encodePartitionBound } from './partition-encoding.ts'
import type { ColumnSchema, PartitionSchema, TableSchema } from './table-schema.ts'
import type {
  Columns,
  HashPartitioning,
  Keyable,
  Partitioning,
  RangePartitioning,
  TableDefinition,
  TableMaintenance,
} from './table-types.ts'

export type * from './table-types.ts'

/** Most partitions of a table. */
export const partitionCountMax = 1024
const nameLengthMax = 128

/** Spreads rows evenly over `count` tablets (1 to 1024) by a hash of key columns. Reads that give these columns touch one tablet. */
export function hashPartition<const K extends string>(columns: readonly K[], count: number): HashPartitioning<K> {
  if (!Number.isInteger(count) || count < 1 || count > partitionCountMax) {
    throw new TypeError(`hashPartition takes a count from 1 to ${partitionCountMax}; got ${describeValue(count)}.`)
  }
  return Object.freeze({ scheme: 'hash', columns: partitionColumns(columns, 'hashPartition'), count })
}

/**
 * Cuts the table at ascending bounds: values below the first are tablet 0, those from bound i on tablet i + 1. A bound
 * is the bare value for one column; for several an array of leading values, or an object.
 */
export function rangePartition<const K extends string>(columns: readonly K[], bounds: readonly unknown[]): RangePartitioning<K> {
  if (!Array.isArray(bounds) || bounds.length < 1 || bounds.length >= partitionCountMax) {
    throw new TypeError(
      `rangePartition takes an array of 1 to ${partitionCountMax - 1} bounds; got ${Array.isArray(bounds) ? bounds.length : describeValue(bounds)}.`,
    )
  }
  return Object.freeze({ scheme: 'range', columns: partitionColumns(columns, 'rangePartition'), bounds: Object.freeze([...bounds]) })
}

/**
 * Defines a table. `primaryKey` names one or more columns, neither nullable nor float nor double; `partitionBy` takes
 * columns of the key. Checks everything that the types check, for users of JavaScript: TypeError that says what to do.
 */
export function defineTable<const N extends string, C extends Columns, const K extends readonly [Keyable<C>, ...Keyable<C>[]]>(
  name: N,
  spec: {
    columns: C
    primaryKey: K
    partitionBy?: Partitioning<NoInfer<K>[number]>
    maintenance?: TableMaintenance
    retention?: { historyMs?: number }
  },
): TableDefinition<N, C, K> {
  requireName(name, 'A table')
  if (typeof spec !== 'object' || spec === null)
    throw new TypeError(`defineTable(${JSON.stringify(name)}, …) takes an object with columns and primaryKey; got ${describeValue(spec)}.`)
  requireOptionNames(spec, ['columns', 'primaryKey', 'partitionBy', 'maintenance', 'retention'], `defineTable(${JSON.stringify(name)})`)
  const { columns, primaryKey, partitionBy, maintenance, retention } = spec
  requireColumns(name, columns)
  checkPrimaryKey(name, columns, primaryKey)
  checkMaintenance(name, maintenance)
  const retentionMs = checkedRetention(name, retention)
  const definition: TableDefinition<N, C, K> = Object.freeze({
    name,
    columns: Object.freeze({ ...columns }),
    primaryKey: Object.freeze([...primaryKey]) as unknown as K,
    partitionBy: checkedPartitioning(name, partitionBy),
    maintenance,
    retentionMs,
  })
  schemaFromDefinition(definition, { tableId: 0 })
  return definition
}

/** The schema of a new table, version 1. Throws TypeError if partition columns or bounds do not fit the key. */
export function schemaFromDefinition(definition: TableDefinition, o: { tableId: number }): TableSchema {
  const names = Object.keys(definition.columns)
  const columns = names.map((name, i): ColumnSchema => ({ id: i + 1, name, ...(definition.columns[name] as Columns[string]).spec }))
  const keyColumns = definition.primaryKey.map((name) => names.indexOf(name))
  return {
    tableId: o.tableId,
    name: definition.name,
    columns,
    keyColumns,
    partition: partitionSchema(definition, columns, keyColumns),
    maintenance: { priority: definition.maintenance?.priority ?? 0, compaction: definition.maintenance?.compaction ?? true },
    ...(definition.retentionMs === undefined ? {} : { retentionMs: definition.retentionMs }),
    version: 1,
    nextColumnId: names.length + 1,
  }
}

/** The definition that a stored schema came from, for tables that are opened by name: its types say nothing of its columns. */
export function definitionFromSchema(schema: TableSchema): TableDefinition {
  const nameOf = (position: number) => (schema.columns[position] as ColumnSchema).name
  const { partition } = schema
  const columns = partition.scheme === 'none' ? [] : partition.columns.map(nameOf)
  return Object.freeze({
    name: schema.name,
    columns: Object.freeze(Object.fromEntries(schema.columns.map((column) => [column.name, columnFromSchema(column)]))),
    primaryKey: Object.freeze(schema.keyColumns.map(nameOf)),
    partitionBy:
      partition.scheme === 'none'
        ? undefined
        : partition.scheme === 'hash'
          ? hashPartition(columns, partition.count)
          : rangePartition(columns, decodePartitionBounds(schema)),
    maintenance: schema.maintenance,
    retentionMs: schema.retentionMs,
  })
}

function partitionSchema(
  { name, partitionBy }: TableDefinition,
  columns: readonly ColumnSchema[],
  keyColumns: readonly number[],
): PartitionSchema {
  if (partitionBy === undefined) return { scheme: 'none' }
  const keyNames = keyColumns.map((position) => (columns[position] as ColumnSchema).name)
  const positions = partitionBy.columns.map((column) => {
    const k = keyNames.indexOf(column)
    if (k < 0)
      throw new TypeError(
        `Table ${name} is partitioned by ${JSON.stringify(column)}, which is not in its primary key (${keyNames.join(', ')}).${didYouMean(column, keyNames)}`,
      )
    return keyColumns[k] as number
  })
  if (partitionBy.scheme === 'hash') return { scheme: 'hash', columns: positions, count: partitionBy.count }
  const bounds = partitionBy.bounds.map((bound, i) =>
    encodePartitionBound(
      name,
      positions.map((p) => columns[p] as ColumnSchema),
      bound,
      i,
    ),
  )
  for (let i = 1; i < bounds.length; i++) {
    if (compareBytes(bounds[i - 1] as Uint8Array, bounds[i] as Uint8Array) >= 0) {
      throw new TypeError(
        `Bound ${i} of table ${name}'s rangePartition is not above bound ${i - 1}; give distinct bounds in ascending order.`,
      )
    }
  }
  return { scheme: 'range', columns: positions, boundsHex: bounds.map((bytes) => Buffer.from(bytes).toString('hex')) }
}

/** As the functions make it, also if it was written by hand. */
function checkedPartitioning<K extends string>(table: string, given: Partitioning<K> | undefined): Partitioning<K> | undefined {
  if (given === undefined) return undefined
  if (given?.scheme === 'hash') return hashPartition(given.columns, given.count)
  if (given?.scheme === 'range') return rangePartition(given.columns, given.bounds)
  throw new TypeError(
    `Table ${table}: partitionBy takes hashPartition(columns, count) or rangePartition(columns, bounds); got ${describeValue(given)}.`,
  )
}

function partitionColumns<K extends string>(columns: readonly K[], who: string): readonly K[] {
  if (!Array.isArray(columns) || columns.length === 0)
    throw new TypeError(`${who} takes an array of one or more key columns; got ${describeValue(columns)}.`)
  if (new Set(columns).size !== columns.length) throw new TypeError(`${who} names a column twice: ${columns.join(', ')}.`)
  return Object.freeze([...columns])
}

/** TypeError unless these are columns by name, at least one. */
export function requireColumns(table: string, columns: unknown): asserts columns is Columns {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns))
    throw new TypeError(`Table ${table}: columns is an object of name: type; got ${describeValue(columns)}.`)
  const names = Object.keys(columns)
  if (names.length === 0) throw new TypeError(`Table ${table} has no columns; give at least those of its primary key.`)
  for (const name of names) {
    requireName(name, `A column of table ${table}`)
    const value = (columns as Record<string, unknown>)[name]
    if (!isColumn(value)) {
      const called = typeof value === 'function' ? ` It is a function: call it, as in ${name}: int32().` : ''
      throw new TypeError(
        `Column ${name} of table ${table} must be made by a column type such as int32() or string(); got ${describeValue(value)}.${called}`,
      )
    }
  }
}

function checkPrimaryKey(table: string, columns: Columns, primaryKey: unknown): void {
  if (!Array.isArray(primaryKey) || primaryKey.length === 0) {
    throw new TypeError(
      `Table ${table}: primaryKey is an array of one or more column names; got ${Array.isArray(primaryKey) ? 'an empty array' : describeValue(primaryKey)}.`,
    )
  }
  for (const name of primaryKey as unknown[]) {
    const column = typeof name === 'string' && Object.hasOwn(columns, name) ? columns[name] : undefined
    if (column === undefined) {
      throw new TypeError(
        `Table ${table}: primaryKey names ${describeValue(name)}, which is no column.${didYouMean(String(name), Object.keys(columns))}`,
      )
    }
    const { kind, nullable } = column.spec
    if (nullable)
      throw new TypeError(
        `Table ${table}: key column ${String(name)} is nullable; a key has no nulls, so drop nullable() or choose another column.`,
      )
    if (kind === 'float' || kind === 'double')
      throw new TypeError(`Table ${table}: key column ${String(name)} is a ${kind}; use a whole number, a timestamp, a string or binary.`)
  }
  if (new Set(primaryKey).size !== primaryKey.length)
    throw new TypeError(`Table ${table}: primaryKey names a column twice: ${primaryKey.join(', ')}.`)
}

/** What the ops of a table may have: see `MaintenanceOp`. */
const maxPriority = 5

function checkMaintenance(table: string, maintenance: TableMaintenance | undefined): void {
  if (maintenance === undefined) return
  requireOptionNames(maintenance, ['priority', 'compaction'], `maintenance of table ${table}`)
  const { priority, compaction } = maintenance
  if (priority !== undefined && !(Number.isFinite(priority) && Math.abs(priority) <= maxPriority))
    throw new TypeError(
      `Table ${table}: maintenance.priority is a number from −${maxPriority} to ${maxPriority}; got ${describeValue(priority)}.`,
    )
  if (compaction !== undefined && typeof compaction !== 'boolean')
    throw new TypeError(`Table ${table}: maintenance.compaction is true or false; got ${describeValue(compaction)}.`)
}

function checkedRetention(table: string, retention: { historyMs?: number } | undefined): number | undefined {
  if (retention === undefined) return undefined
  requireOptionNames(retention, ['historyMs'], `retention of table ${table}`)
  const { historyMs } = retention
  if (historyMs !== undefined && !(Number.isFinite(historyMs) && historyMs >= 0))
    throw new TypeError(`Table ${table}: retention.historyMs is milliseconds, 0 or more; got ${describeValue(historyMs)}.`)
  return historyMs
}

/** TypeError unless this is an object with none but known options. */
export function requireOptionNames(options: unknown, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${where} takes an object; got ${describeValue(options)}.`)
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new TypeError(`Unknown option ${JSON.stringify(name)} in ${where}; there are ${known.join(', ')}.${didYouMean(name, known)}`)
  }
}

/** Names are written to disk, quoted in messages and used as properties: any text that does none of these harm. */
export function requireName(name: unknown, whose: string): void {
  const problem =
    typeof name !== 'string'
      ? `is a string; got ${describeValue(name)}`
      : name.length === 0 || name.length > nameLengthMax
        ? `has 1 to ${nameLengthMax} characters; got ${name.length}`
        : name !== name.trim()
          ? `neither begins nor ends with white space; got ${JSON.stringify(name)}`
          : name === '__proto__'
            ? 'cannot be __proto__, which JavaScript objects treat apart'
            : /\p{Cc}/u.test(name) || !name.isWellFormed()
              ? `has no control characters or lone surrogates; got ${JSON.stringify(name)}`
              : undefined
  if (problem !== undefined) throw new TypeError(`${whose} has a name that ${problem}.`)
}
