import { didYouMean } from '../base/suggest.ts'
import { describeValue } from '../schema/column-value.ts'
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'

/** The position of a column; TypeError, suggesting the nearest name, if the table has none of that name. */
export function columnPosition(schema: TableSchema, name: PropertyKey): number {
  const position = schema.columns.findIndex((column) => column.name === name)
  if (position < 0) {
    const names = schema.columns.map((column) => column.name)
    throw new TypeError(
      `Table ${schema.name} has no column "${String(name)}"; there are ${names.join(', ')}.${didYouMean(String(name), names)}`,
    )
  }
  return position
}

/** The positions of columns; TypeError for an unknown one, or if `names` is no array. */
export function columnPositions(schema: TableSchema, names: readonly PropertyKey[]): number[] {
  if (!Array.isArray(names))
    throw new TypeError(`columns is an array of column names of table ${schema.name}; got ${describeValue(names)}.`)
  return names.map((name) => columnPosition(schema, name))
}

/** The column at a position that is known to exist. */
export function columnAt(schema: TableSchema, position: number): ColumnSchema {
  return schema.columns[position] as ColumnSchema
}
