import { invariant } from '../base/errors.ts'
import { columnBuilder } from '../schema/column-builder.ts'
import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../schema/table-schema.ts'
import type { MemHistories, ResolvedMemRow } from './mem-histories.ts'
import { patchVector } from './patch-vector.ts'
import type { SetValues } from './row-history.ts'
import type { PlainChange } from './write-delta-file.ts'

/** The rows of a row group that are written otherwise than they were inserted. */
export class ChangedRows {
  private readonly schema: TableSchema
  /** Places in the group, ascending, and what becomes of the rows there. */
  private readonly places: readonly number[]
  private readonly rows: readonly ResolvedMemRow[]

  private constructor(schema: TableSchema, places: readonly number[], rows: readonly ResolvedMemRow[]) {
    this.schema = schema
    this.places = places
    this.rows = rows
  }

  /** Those of a group, whose rows are given by their ids; undefined: none. */
  static among(schema: TableSchema, group: Int32Array, histories: MemHistories): ChangedRows | undefined {
    const places: number[] = []
    const rows: ResolvedMemRow[] = []
    for (let place = 0; place < group.length; place++) {
      const row = group[place] as number
      if (!histories.hasChanged(row)) continue
      const resolved = histories.resolve(row)
      invariant(resolved !== undefined, 'a row that nobody sees was to be written')
      places.push(place)
      rows.push(resolved)
    }
    return places.length === 0 ? undefined : new ChangedRows(schema, places, rows)
  }

  /** A column of the group as it was inserted, with the newest values in place. */
  patch(position: number, column: ColumnVector): ColumnVector {
    const places: number[] = []
    const values: ColumnValue[] = []
    for (let k = 0; k < this.rows.length; k++) {
      const { inserted, history } = this.rows[k] as ResolvedMemRow
      const value = history.base.values[position] as ColumnValue
      if (value === inserted[position]) continue
      places.push(this.places[k] as number)
      values.push(value)
    }
    if (places.length === 0) return column
    const builder = columnBuilder(this.schema.name, this.schema.columns[position] as ColumnSchema, values.length, {
      bytes: new Uint8Array(0),
    })
    for (let k = 0; k < values.length; k++) builder.put(k, values[k], k)
    return patchVector(column, { rows: Int32Array.from(places), values: builder.finish() })
  }

  patchTimestamps(timestamps: Float64Array): void {
    for (let k = 0; k < this.rows.length; k++)
      timestamps[this.places[k] as number] = (this.rows[k] as ResolvedMemRow).history.base.insertedAt
  }

  /** What goes to the rowset's delta files, by row and time; `firstRow`: the row id of the group's first row. */
  *entries(kind: 'undo' | 'redo', firstRow: number): Generator<PlainChange> {
    const { keyColumns } = this.schema
    for (let k = 0; k < this.rows.length; k++) {
      const { history } = this.rows[k] as ResolvedMemRow
      const row = firstRow + (this.places[k] as number)
      for (const { time, op, values } of history[kind]) yield { row, time, op, values: withKey(values, history.base.values, keyColumns) }
    }
  }
}

function withKey(values: SetValues, base: readonly ColumnValue[], keyColumns: readonly number[]): SetValues {
  const whole = values.slice()
  for (const position of keyColumns) whole[position] = base[position]
  return whole
}
