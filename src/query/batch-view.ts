import type { ColumnVector, FixedArray } from '../schema/column-vector.ts'
import { valueAt } from '../schema/row-decoder.ts'
import type { ColumnSchema } from '../schema/table-schema.ts'
import { columnAt, columnPosition } from './columns.ts'
import type { ScanPlan } from './scan-plan.ts'

type Value = boolean | number | bigint | string | Uint8Array | null

/** A column of a batch as an application sees it. */
export interface ColumnView {
  readonly values: FixedArray | readonly string[] | readonly Uint8Array[]
  isNull(row: number): boolean
  get(row: number): Value
}

export interface BatchView {
  readonly rowCount: number
  readonly selection?: Int32Array
  column(name: string): ColumnView
}

/** A batch for applications: columns by name, values as rows show them, made when asked for. */
export function batchView(
  plan: ScanPlan,
  columns: readonly ColumnVector[],
  rowCount: number,
  selection: Int32Array | undefined,
): BatchView {
  const views = new Map<number, ColumnView>()
  return {
    rowCount,
    ...(selection === undefined ? {} : { selection }),
    column(name) {
      const position = columnPosition(plan.schema, name)
      const index = plan.positions.indexOf(position)
      if (index < 0) throw new TypeError(`The scan was not asked for column "${name}". Add it to columns.`)
      let view = views.get(position)
      if (!view) {
        view = new VectorView(columnAt(plan.schema, position), columns[index] as ColumnVector)
        views.set(position, view)
      }
      return view
    },
  }
}

class VectorView implements ColumnView {
  readonly #column: ColumnSchema
  readonly #vector: ColumnVector
  #values: ColumnView['values'] | undefined

  constructor(column: ColumnSchema, vector: ColumnVector) {
    this.#column = column
    this.#vector = vector
  }

  get values(): ColumnView['values'] {
    this.#values ??= publicValues(this.#column, this.#vector)
    return this.#values
  }

  isNull(row: number): boolean {
    return this.#vector.nulls?.[row] === 1
  }

  get(row: number): Value {
    return valueAt(this.#column, this.#vector, row)
  }
}

function publicValues(column: ColumnSchema, vector: ColumnVector): ColumnView['values'] {
  if (vector.form === 'fixed') {
    const { values } = vector
    if (column.kind !== 'int64') return values
    if (column.mode === 'number') return values instanceof BigInt64Array ? Float64Array.from(values, Number) : values
    return values instanceof BigInt64Array ? values : BigInt64Array.from(values as Float64Array, BigInt)
  }
  const plain = { ...column, nullable: false }
  const withoutNulls = { ...vector, nulls: undefined }
  const values = Array.from({ length: vector.length }, (_, row) => valueAt(plain, withoutNulls, row))
  return values as readonly string[] | readonly Uint8Array[]
}
