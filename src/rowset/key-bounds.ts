import type { ColumnVector, FixedArray, RowBlock } from '../schema/column-vector.ts'
import type { TableSchema } from '../schema/table-schema.ts'

/** Between which values a key column lies, in a run of rows. */
export interface KeyColumnBounds {
  readonly position: number
  readonly min: number
  readonly max: number
}

interface Widening extends KeyColumnBounds {
  min: number
  max: number
}

/**
 * The bounds of each key column that holds numbers. They tell more than the first and the last key: rows that arrive in
 * order of time lie, by their keys (host, time), all over the table, and by their times beyond all that is there.
 */
export function keyColumnBounds(schema: TableSchema, rows: RowBlock): Widening[] {
  const bounds: Widening[] = []
  for (const position of schema.keyColumns) {
    const values = numbersOf(rows, position)
    if (values === undefined || rows.rowCount === 0) continue
    const bound = { position, min: values[0] as number, max: values[0] as number }
    widen(bound, values, rows.rowCount)
    bounds.push(bound)
  }
  return bounds
}

type Numbers = Exclude<FixedArray, BigInt64Array>

function numbersOf(rows: RowBlock, position: number): Numbers | undefined {
  const vector = rows.columns[position] as ColumnVector
  return vector.form !== 'fixed' || vector.values instanceof BigInt64Array ? undefined : vector.values
}

/** Hot. */
function widen(bound: Widening, values: Numbers, count: number): void {
  let { min, max } = bound
  for (let i = 0; i < count; i++) {
    const value = values[i] as number
    if (value < min) min = value
    else if (value > max) max = value
  }
  bound.min = min
  bound.max = max
}

/** The bounds of all rows that a store has taken. */
export class GrowingKeyBounds {
  #bounds: Widening[] | undefined

  add(schema: TableSchema, rows: RowBlock): void {
    if (rows.rowCount === 0) return
    if (this.#bounds === undefined) {
      this.#bounds = keyColumnBounds(schema, rows)
      return
    }
    for (let i = this.#bounds.length - 1; i >= 0; i--) {
      const bound = this.#bounds[i] as Widening
      const values = numbersOf(rows, bound.position)
      if (values !== undefined) widen(bound, values, rows.rowCount)
      // A column of which some block does not tell (wide int64) is not known any more.
      else this.#bounds.splice(i, 1)
    }
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
