import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { ByteHeap } from './byte-heap.ts'
import type { MemColumn } from './mem-segment.ts'

/** What the rows of one store share. */
interface SharedByRows {
  readonly schema: TableSchema
  readonly heaps: readonly ByteHeap[]
}

/** The value at row `at` of a segment's column, as a row shows it; `position` is the column's place in the schema. */
export function memValue(rows: SharedByRows, column: MemColumn, position: number, at: number): ColumnValue {
  if (column.nullCount > 0 && (column.nulls as Uint8Array)[at] === 1) return null
  const { values } = column
  // Each kind reads at a place of its own in the code, so that each stays monomorphic.
  switch (column.layout.kind) {
    case 'bool':
      return (values as Uint8Array)[at] === 1
    case 'int8':
      return (values as Int8Array)[at] as number
    case 'int16':
      return (values as Int16Array)[at] as number
    case 'int32':
      return (values as Int32Array)[at] as number
    case 'float':
      return (values as Float32Array)[at] as number
    case 'double':
    case 'timestamp':
      return (values as Float64Array)[at] as number
    case 'int64': {
      const value = column.wide === undefined ? ((values as Float64Array)[at] as number) : (column.wide[at] as bigint)
      return rows.schema.columns[position]?.mode === 'number' ? Number(value) : BigInt(value)
    }
    case 'string':
    case 'binary': {
      const heap = rows.heaps[column.layout.heap] as ByteHeap
      const from = (values as Uint32Array)[at] as number
      const to = (values as Uint32Array)[at + 1] as number
      return column.layout.kind === 'string' ? heap.text(from, to) : heap.bytes(from, to).slice()
    }
  }
}
