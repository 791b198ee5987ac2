import type { ColumnVector, RowBlock } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'

/** Between which values a key column lies, in a run of rows. */
export interface KeyColumnBounds {
  readonly position: number
  readonly min: number
  readonly max: number
}

/**
 * The bounds of each key column that holds numbers. They tell more than the first and the last key: rows that arrive in
 * order of time lie, by their keys (host, time), all over the table, and by their times beyond all that is there.
 */
export function keyColumnBounds(schema: TableSchema, rows: RowBlock): KeyColumnBounds[] {
  const bounds: KeyColumnBounds[] = []
  for (const position of schema.keyColumns) {
    const vector = rows.columns[position] as ColumnVector
    if (vector.form !== 'fixed' || vector.values instanceof BigInt64Array || rows.rowCount === 0) continue
    const { values } = vector
    let min = values[0] as number
    let max = min
    for (let i = 1; i < rows.rowCount; i++) {
      const value = values[i] as number
      if (value < min) min = value
      else if (value > max) max = value
    }
    bounds.push({ position, min, max })
  }
  return bounds
}

/** The bounds of all rows that a store has taken. */
export class GrowingKeyBounds {
  #bounds: readonly KeyColumnBounds[] | undefined

  add(schema: TableSchema, rows: RowBlock): void {
    if (rows.rowCount === 0) return
    const added = keyColumnBounds(schema, rows)
    // A column of which some block does not tell (wide int64) is not known any more.
    this.#bounds = (this.#bounds ?? added).flatMap(({ position, min, max }) => {
      const other = added.find((bounds) => bounds.position === position)
      return other === undefined ? [] : [{ position, min: Math.min(min, other.min), max: Math.max(max, other.max) }]
    })
  }

  /** Whether some key column of all rows taken lies apart from the bounds: then no row within them is there. */
  excludes(bounds: readonly KeyColumnBounds[]): boolean {
    const own = this.#bounds
    if (own === undefined) return true
    return bounds.some(({ position, min, max }) =>
      own.some((column) => column.position === position && (max < column.min || min > column.max)),
    )
  }
}
