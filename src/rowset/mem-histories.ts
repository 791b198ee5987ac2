import type { ColumnValue } from '../schema/table-schema.ts'
import { type DeltaOp, type DeltaSchema, deltaPositionOf, deltaPositions, deltaSchema } from './delta-schema.ts'
import { type FrozenMemRowSet, MemRows } from './mem-rows.ts'
import type { MemColumn } from './mem-segment.ts'
import { memValue } from './mem-value.ts'
import { isUnseen, type RowChange, type RowHistory, resolveHistory } from './row-history.ts'
import { sortRows } from './sort-rows.ts'

/** What becomes of a row that was changed. */
export interface ResolvedMemRow {
  /** As it was inserted. */
  readonly inserted: readonly ColumnValue[]
  readonly history: RowHistory
}

/** The histories of the rows of a frozen MemRowSet that have changed: rows and changes as its stores hold them. */
export class MemHistories {
  /** Reads before this would miss something of what was resolved or left out so far; −Infinity: nothing. */
  forgottenThrough = Number.NEGATIVE_INFINITY
  private readonly rows: MemRows
  private readonly changes: MemRows
  private readonly delta: DeltaSchema
  private readonly horizon: number
  /** Changes by row and time; those of row r are at [starts[r] .. starts[r + 1]). */
  private readonly order: Int32Array
  private readonly starts: Int32Array
  private readonly positions: readonly number[]
  /** Positions of columns that changes may set. */
  private readonly settable: readonly number[]

  /** `frozen`: a DeltaMemStore whose row ids are those of `rows`. */
  constructor(rows: MemRows, frozen: FrozenMemRowSet, horizon: number) {
    this.rows = rows
    this.changes = MemRows.thaw(frozen)
    this.delta = deltaSchema(rows.schema)
    this.horizon = horizon
    this.order = sortRows(this.changes, 0, this.changes.rowCount)
    this.starts = this.findStarts()
    this.positions = rows.schema.columns.map((_, position) => position)
    this.settable = this.positions.filter((position) => !rows.schema.keyColumns.includes(position))
  }

  hasChanged(row: number): boolean {
    return this.starts[row] !== this.starts[row + 1]
  }

  /** The rows of a list that somebody may still see. */
  seenOf(ids: Int32Array): Int32Array {
    const seen = new Int32Array(ids.length)
    let count = 0
    for (const row of ids) {
      if (this.hasChanged(row)) {
        const newest = this.order[(this.starts[row + 1] as number) - 1] as number
        const time = this.changes.timestampOf(newest)
        if (isUnseen({ time, op: this.opOf(newest) }, this.horizon)) {
          this.forgottenThrough = Math.max(this.forgottenThrough, time)
          continue
        }
      }
      seen[count++] = row
    }
    return seen.subarray(0, count)
  }

  /** The history of a row that has changed; undefined if it is not among the `seenOf`. */
  resolve(row: number): ResolvedMemRow | undefined {
    const inserted: ColumnValue[] = []
    this.rows.readRow(row, this.positions, inserted)
    const redo: RowChange[] = []
    const end = this.starts[row + 1] as number
    for (let i = this.starts[row] as number; i < end; i++) redo.push(this.changeOf(this.order[i] as number))
    const base = { insertedAt: this.rows.timestampOf(row), values: inserted }
    const { history, forgottenThrough } = resolveHistory({ base, undo: [], redo }, this.horizon)
    this.forgottenThrough = Math.max(this.forgottenThrough, forgottenThrough)
    return history && { inserted, history }
  }

  private findStarts(): Int32Array {
    const starts = new Int32Array(this.rows.rowCount + 1)
    for (let change = 0; change < this.order.length; change++) {
      const row = this.numberAt(change, deltaPositions.row)
      starts[row + 1] = (starts[row + 1] as number) + 1
    }
    for (let row = 0; row < this.rows.rowCount; row++) starts[row + 1] = (starts[row + 1] as number) + (starts[row] as number)
    return starts
  }

  private changeOf(change: number): RowChange {
    const { changes, delta } = this
    const segment = changes.segmentAt(changes.segmentOf(change))
    const at = change - segment.firstRow
    const values: (ColumnValue | undefined)[] = []
    for (const position of this.settable) {
      const own = deltaPositionOf(position)
      const setPosition = delta.setPositions[position] as number
      const flag = segment.columns[setPosition < 0 ? own : setPosition] as MemColumn
      if (flag.nulls?.[at] === 0) values[position] = memValue(changes, segment.columns[own] as MemColumn, own, at)
    }
    return { time: segment.timestamps[at] as number, op: this.opOf(change), values }
  }

  private opOf(change: number): DeltaOp {
    return this.numberAt(change, deltaPositions.op) as DeltaOp
  }

  private numberAt(change: number, position: number): number {
    const segment = this.changes.segmentAt(this.changes.segmentOf(change))
    return segment.columns[position]?.values[change - segment.firstRow] as number
  }
}
