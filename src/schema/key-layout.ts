import type { ColumnKind } from './column-vector.ts'
import type { ColumnSchema, TableSchema } from './table-schema.ts'

/** Longest key, in encoded bytes. */
export const keyBytesMax = 4096

/**
 * How a table's encoded keys are laid out. `fixed`: every key has `bytesPerKey` bytes, held as `wordsPerKey` words.
 * `variable`: a string or binary column is part of the key.
 */
export type KeyLayout = FixedKeyLayout | VariableKeyLayout

export interface FixedKeyLayout {
  readonly form: 'fixed'
  readonly bytesPerKey: number
  readonly wordsPerKey: number
}

export interface VariableKeyLayout {
  readonly form: 'variable'
}

/** A column of the key: `widthBytes` is 0 for strings and binary; `byteOffset` is its place in a fixed key. */
export interface KeyColumn {
  readonly position: number
  readonly column: ColumnSchema
  readonly widthBytes: number
  readonly byteOffset: number
}

/** What key functions need to know of a schema, worked out once. */
export interface KeyPlan {
  readonly layout: KeyLayout
  readonly columns: readonly KeyColumn[]
  /** Bytes that the fixed-width columns take together. */
  readonly fixedBytes: number
}

const widths: Readonly<Record<ColumnKind, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  timestamp: 8,
  float: 4,
  double: 8,
  string: 0,
  binary: 0,
}

const plans = new WeakMap<TableSchema, KeyPlan>()
let lastSchema: TableSchema | undefined
let lastPlan: KeyPlan | undefined

/** The layout of the keys of a table. Cheap: worked out once per schema object. */
export function keyLayout(schema: TableSchema): KeyLayout {
  return keyPlan(schema).layout
}

/** The plan of a schema's keys; kept as long as the schema object lives. */
export function keyPlan(schema: TableSchema): KeyPlan {
  if (schema === lastSchema && lastPlan !== undefined) return lastPlan
  let plan = plans.get(schema)
  if (plan === undefined) {
    plan = makePlan(schema)
    plans.set(schema, plan)
  }
  lastSchema = schema
  lastPlan = plan
  return plan
}

function makePlan(schema: TableSchema): KeyPlan {
  const columns: KeyColumn[] = []
  let fixedBytes = 0
  let variable = false
  for (const position of schema.keyColumns) {
    const column = schema.columns[position] as ColumnSchema
    const widthBytes = widths[column.kind]
    columns.push({ position, column, widthBytes, byteOffset: fixedBytes })
    fixedBytes += widthBytes
    if (widthBytes === 0) variable = true
  }
  const layout: KeyLayout = variable
    ? { form: 'variable' }
    : { form: 'fixed', bytesPerKey: fixedBytes, wordsPerKey: (fixedBytes + 3) >>> 2 }
  return { layout, columns, fixedBytes }
}
