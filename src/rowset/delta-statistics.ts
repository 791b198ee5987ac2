import type { DeltaStatistics } from '../manifest/version-edit.ts'
import type { ColumnVector, FixedVector, RowBlock } from '../schema/column-vector.ts'
import { type DeltaSchema, deltaOps, deltaPositionOf, deltaPositions } from './delta-schema.ts'

/** Counts what the statistics of a delta file say. */
export class StatisticsCollector {
  private readonly delta: DeltaSchema
  private readonly setCounts: Float64Array
  private deletes = 0
  private lives = 0
  private minRow = Number.POSITIVE_INFINITY
  private maxRow = Number.NEGATIVE_INFINITY

  constructor(delta: DeltaSchema) {
    this.delta = delta
    this.setCounts = new Float64Array(delta.base.columns.length)
  }

  /** Rows in order. */
  add(rows: RowBlock): void {
    const { rowCount } = rows
    const ids = fixedValues(rows, deltaPositions.row)
    this.minRow = Math.min(this.minRow, ids[0] as number)
    this.maxRow = Math.max(this.maxRow, ids[rowCount - 1] as number)
    for (const op of fixedValues(rows, deltaPositions.op)) {
      if (op === deltaOps.delete) this.deletes++
      else if (op === deltaOps.live) this.lives++
    }
    const { setPositions } = this.delta
    for (let position = 0; position < setPositions.length; position++) {
      const setPosition = setPositions[position] as number
      const { nulls } = rows.columns[setPosition < 0 ? deltaPositionOf(position) : setPosition] as ColumnVector
      this.setCounts[position] = (this.setCounts[position] as number) + rowCount - onesIn(nulls)
    }
  }

  finish(): DeltaStatistics {
    const { columns, keyColumns } = this.delta.base
    const updates: [number, number][] = []
    this.setCounts.forEach((count, position) => {
      if (count > 0 && !keyColumns.includes(position)) updates.push([columns[position]?.id as number, count])
    })
    const { deletes, lives, minRow, maxRow } = this
    return { updates, deletes, lives, minRow, maxRow }
  }
}

function onesIn(nulls: Uint8Array | undefined): number {
  let count = 0
  if (nulls !== undefined) for (let i = 0; i < nulls.length; i++) count += nulls[i] as number
  return count
}

/** The values of a column of fixed width, by its position in the delta schema. */
export function fixedValues(rows: RowBlock, position: number): FixedVector['values'] {
  return (rows.columns[position] as FixedVector).values
}
