import { VarveError } from '../base/errors.ts'
import { describeValue } from './column-value.ts'
import { decodeKey } from './key-bytes.ts'
import { keyPlan } from './key-layout.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from './table-schema.ts'
import { encodeKeyPrefix, encodeKeyValues } from './user-key.ts'

/**
 * What routing needs to know of a partitioned table, worked out once. The values of partition columns are encoded as
 * if they were the key of a table of their own: `routing`.
 */
export interface PartitionPlan {
  readonly routing: TableSchema
  /** For each partition column its place in the key. */
  readonly keyPlaces: readonly number[]
  /** Number of leading key columns that hold all partition columns. */
  readonly leadingColumns: number
  /** Whether the partition columns are the first columns of the key, in its order: then keys themselves can be compared with bounds. */
  readonly leading: boolean
  /** Set if the partition columns fill whole leading words of fixed keys: then their hash is one over these words. */
  readonly leadingWords: number | undefined
  /** Range partitions: encoded bounds, ascending. */
  readonly bounds: readonly Uint8Array[]
}

const plans = new WeakMap<TableSchema, PartitionPlan | 'none'>()

/** The plan of a table's partitioning, undefined if it has one tablet. Cheap: worked out once per schema object. */
export function partitionPlan(schema: TableSchema): PartitionPlan | undefined {
  let plan = plans.get(schema)
  if (plan === undefined) {
    plan = makePlan(schema) ?? 'none'
    plans.set(schema, plan)
  }
  return plan === 'none' ? undefined : plan
}

/** The encoded bound of a range partition from what a definition gives. Throws TypeError if it does not fit the columns. */
export function encodePartitionBound(table: string, columns: readonly ColumnSchema[], bound: unknown, index: number): Uint8Array {
  const routing = routingSchema(table, columns)
  const where = `Bound ${index} of table ${table}'s rangePartition`
  if (Array.isArray(bound) && (bound.length === 0 || bound.length > columns.length)) {
    throw new TypeError(`${where} has ${bound.length} values; give 1 to ${columns.length} (${columns.map(({ name }) => name).join(', ')}).`)
  }
  try {
    return Array.isArray(bound) ? encodeKeyValues(routing, bound) : encodeKeyPrefix(routing, bound)
  } catch (error) {
    if (!(error instanceof VarveError) && !(error instanceof TypeError)) throw error
    throw new TypeError(`${where}, ${describeValue(bound)}, does not fit: ${error.message}`, { cause: error })
  }
}

/** The bounds of a range-partitioned table as arrays of values. */
export function decodePartitionBounds(schema: TableSchema): ColumnValue[][] {
  const plan = partitionPlan(schema)
  return plan === undefined ? [] : plan.bounds.map((bound) => decodeKey(plan.routing, bound))
}

function makePlan(schema: TableSchema): PartitionPlan | undefined {
  const { partition } = schema
  if (partition.scheme === 'none' || (partition.scheme === 'hash' && partition.count === 1)) return undefined
  const routing = routingSchema(
    schema.name,
    partition.columns.map((position) => schema.columns[position] as ColumnSchema),
  )
  const keyPlaces = partition.columns.map((position) => schema.keyColumns.indexOf(position))
  const leading = keyPlaces.every((place, k) => place === k)
  const { layout } = keyPlan(schema)
  const { layout: own } = keyPlan(routing)
  const wholeWords =
    own.form === 'fixed' && layout.form === 'fixed' && (own.bytesPerKey % 4 === 0 || own.bytesPerKey === layout.bytesPerKey)
  return {
    routing,
    keyPlaces,
    leadingColumns: Math.max(...keyPlaces) + 1,
    leading,
    leadingWords: leading && wholeWords ? own.wordsPerKey : undefined,
    bounds: partition.scheme === 'range' ? partition.boundsHex.map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))) : [],
  }
}

/** A schema whose key is the given columns. Its columns keep their place only in `keyColumns`; never stored. */
function routingSchema(name: string, columns: readonly ColumnSchema[]): TableSchema {
  return {
    tableId: 0,
    name,
    columns,
    keyColumns: columns.map((_, i) => i),
    partition: { scheme: 'none' },
    maintenance: { priority: 0, compaction: false },
    version: 0,
    nextColumnId: 0,
  }
}
