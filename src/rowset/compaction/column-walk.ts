import type { ColumnVector, RowBlock } from '../../schema/column-vector.ts'
import type { ColumnSchema } from '../../schema/table-schema.ts'
import { concatVectors, constantVector, gatherBlock, gatherVector } from '../../schema/vector-ops.ts'
import { type DeltaSchema, deltaOps, deltaPositionOf, deltaPositions } from '../delta-schema.ts'
import { entriesThatSay } from './compose-deltas.ts'
import { rowsOf, settingFlags, setVector, timesOf, unsetFlags, valuePositions } from './delta-rows.ts'

export interface ColumnWalkOptions {
  readonly delta: DeltaSchema
  /** The id of the group's first row. */
  readonly firstRow: number
  /** The columns that take their changes in, by position in the base schema; none of the key. */
  readonly positions: readonly number[]
  /** Readers are at this timestamp or later. */
  readonly horizon: number
  /** The group's column as it is in base data; asked for once, and only if it changes. */
  readonly load: (position: number) => Promise<ColumnVector>
}

/** What entries come apart into, when some of their values go into base data; blocks of the delta schema. */
export interface AppliedEntries {
  /** What they say beside these values. */
  readonly redo: RowBlock
  /** What these values took the place of, where a reader may still ask for it. */
  readonly undo: RowBlock
}

/**
 * Applies redo entries to some columns of one row group of base data, from the oldest to the newest. All that it keeps of
 * the past is how the columns are now, so that a row of a million changes takes no more memory than one of two.
 */
export class ColumnWalk {
  /** Columns as they are now, by position in the base schema: those that some entry has set. */
  readonly columns = new Map<number, ColumnVector>()
  /** The newest time of a value that went into base data without undo: readers before it miss something. */
  forgottenThrough = Number.NEGATIVE_INFINITY
  private readonly o: ColumnWalkOptions
  private readonly others: readonly number[]

  constructor(o: ColumnWalkOptions) {
    this.o = o
    this.others = valuePositions(o.delta).filter((position) => !o.positions.includes(position))
  }

  /** Takes entries of the group's rows, in order of row and time, and behind those before. */
  async apply(entries: RowBlock): Promise<AppliedEntries> {
    const { delta, positions } = this.o
    const setting = positions.filter((position) => unsetFlags(delta, entries, position)?.includes(0) ?? true)
    const overwriting = this.overwriting(entries, setting)
    const undo = this.emptyUndo(entries, overwriting)
    for (const position of setting) await this.applyColumn(position, entries, overwriting, undo)
    return { redo: this.remaining(entries), undo: { rowCount: overwriting.length, columns: undo } }
  }

  /** The entries that set one of the columns, and whose time somebody may still read before. */
  private overwriting(entries: RowBlock, setting: readonly number[]): Int32Array {
    const { delta, horizon } = this.o
    const times = timesOf(entries)
    const found = new Int32Array(entries.rowCount)
    let count = 0
    const sets = settingFlags(delta, entries, setting)
    for (let i = 0; i < entries.rowCount; i++) {
      if (sets[i] === 0) continue
      const time = times[i] as number
      if (time > horizon) found[count++] = i
      else this.forgottenThrough = Math.max(this.forgottenThrough, time)
    }
    return found.subarray(0, count)
  }

  /** Updates of the entries' rows, at their times, that set nothing yet. */
  private emptyUndo(entries: RowBlock, overwriting: Int32Array): ColumnVector[] {
    const { base, schema } = this.o.delta
    const length = overwriting.length
    const gathered = [deltaPositions.row, deltaPositions.time, ...base.keyColumns.map(deltaPositionOf)]
    const columns = schema.columns.map((column, position) =>
      gathered.includes(position)
        ? gatherVector(entries.columns[position] as ColumnVector, overwriting)
        : constantVector(column, null, length),
    )
    columns[deltaPositions.op] = { form: 'fixed', length, values: new Int8Array(length).fill(deltaOps.update), nulls: undefined }
    return columns
  }

  private async applyColumn(position: number, entries: RowBlock, overwriting: Int32Array, undo: ColumnVector[]): Promise<void> {
    const { base, setPositions } = this.o.delta
    const deltaPosition = deltaPositionOf(position)
    const now = this.columns.get(position) ?? (await this.o.load(position))
    const unset = unsetFlags(this.o.delta, entries, position)
    const { before, after } = this.trace(rowsOf(entries), unset, now.length)
    const column = base.columns[position] as ColumnSchema
    const values = concatVectors([now, entries.columns[deltaPosition] as ColumnVector, constantVector(column, null, 1)])
    this.columns.set(position, gatherVector(values, after))
    undo[deltaPosition] = gatherVector(
      values,
      overwriting.map((entry) => before[entry] as number),
    )
    const setPosition = setPositions[position] as number
    if (setPosition >= 0) undo[setPosition] = setVector(Uint8Array.from(overwriting, (entry) => (unset?.[entry] === 1 ? 0 : 1)))
  }

  /**
   * Where values come from, in the column as it is now, followed by the entries, followed by a null: `before`, for each entry
   * that sets the column, what it takes the place of (else the null); `after`, for each row, its newest value.
   */
  private trace(rows: Int32Array, unset: Uint8Array | undefined, groupRows: number): { before: Int32Array; after: Int32Array } {
    const { firstRow } = this.o
    const before = new Int32Array(rows.length).fill(groupRows + rows.length)
    const after = new Int32Array(groupRows)
    for (let row = 0; row < groupRows; row++) after[row] = row
    for (let i = 0; i < rows.length; i++) {
      if (unset !== undefined && unset[i] === 1) continue
      const row = (rows[i] as number) - firstRow
      before[i] = after[row] as number
      after[row] = groupRows + i
    }
    return { before, after }
  }

  /** The entries without the columns; updates that set nothing else are left out. */
  private remaining(entries: RowBlock): RowBlock {
    const { delta, positions } = this.o
    const columns = entries.columns.slice()
    for (const position of positions) {
      const setPosition = delta.setPositions[position] as number
      for (const place of [deltaPositionOf(position), setPosition])
        if (place >= 0) columns[place] = constantVector(delta.schema.columns[place] as ColumnSchema, null, entries.rowCount)
    }
    return gatherBlock({ rowCount: entries.rowCount, columns }, entriesThatSay(delta, entries, this.others))
  }
}
