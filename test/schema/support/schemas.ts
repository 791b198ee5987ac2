import type { ColumnKind, ColumnVector, RowBlock } from '../../../src/schema/column-vector.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'

export interface ColumnSketch {
  readonly kind: ColumnKind
  readonly name?: string
  readonly nullable?: boolean
  readonly mode?: 'bigint' | 'number'
  readonly default?: ColumnValue
}

/** A schema whose columns are named c0, c1 … unless told, and whose key is `keyColumns`. */
export function schemaOf(columns: readonly ColumnSketch[], keyColumns: readonly number[], o: Partial<TableSchema> = {}): TableSchema {
  return {
    tableId: 1,
    name: 't',
    columns: columns.map(
      (sketch, i): ColumnSchema => ({
        id: i + 1,
        name: sketch.name ?? `c${i}`,
        kind: sketch.kind,
        nullable: sketch.nullable ?? false,
        mode: sketch.mode ?? 'bigint',
        ...(sketch.default === undefined ? {} : { default: sketch.default }),
      }),
    ),
    keyColumns,
    partition: { scheme: 'none' },
    maintenance: { priority: 0, compaction: true },
    version: 1,
    nextColumnId: columns.length + 1,
    ...o,
  }
}

/** The six-column table of the benchmarks. */
export const cpuSchema = schemaOf(
  [
    { kind: 'int32', name: 'host' },
    { kind: 'timestamp', name: 'at' },
    { kind: 'double', name: 'cpu' },
    { kind: 'double', name: 'mem' },
    { kind: 'int32', name: 'status' },
    { kind: 'string', name: 'tag' },
  ],
  [0, 1],
)

const text = new TextEncoder()

/** A vector of plain values, built the slow and obvious way. */
export function vectorOf(kind: ColumnKind, values: readonly ColumnValue[]): ColumnVector {
  const length = values.length
  const nulls = values.includes(null) ? Uint8Array.from(values, (v) => (v === null ? 1 : 0)) : undefined
  if (kind === 'string' || kind === 'binary') {
    const parts = values.map((v) => (v === null ? new Uint8Array(0) : typeof v === 'string' ? text.encode(v) : (v as Uint8Array)))
    const offsets = new Uint32Array(length + 1)
    parts.forEach((part, i) => {
      offsets[i + 1] = (offsets[i] as number) + part.length
    })
    return { form: 'bytes', length, offsets, bytes: new Uint8Array(Buffer.concat(parts)), nulls }
  }
  const safe = values.every((v) => v === null || Number.isSafeInteger(Number(v)))
  if (kind === 'int64' && !safe)
    return { form: 'fixed', length, values: BigInt64Array.from(values, (v) => (v === null ? 0n : BigInt(v as bigint))), nulls }
  const numbers = values.map((v) => Number(v ?? 0))
  const array = {
    bool: Uint8Array,
    int8: Int8Array,
    int16: Int16Array,
    int32: Int32Array,
    float: Float32Array,
    int64: Float64Array,
    double: Float64Array,
    timestamp: Float64Array,
  }[kind]
  return { form: 'fixed', length, values: array.from(numbers), nulls }
}

export function blockOf(schema: TableSchema, rows: readonly (readonly ColumnValue[])[]): RowBlock {
  return {
    rowCount: rows.length,
    columns: schema.columns.map(({ kind }, c) =>
      vectorOf(
        kind,
        rows.map((row) => row[c] as ColumnValue),
      ),
    ),
  }
}
