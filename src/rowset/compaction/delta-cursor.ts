import type { ColumnVector, RowBlock } from '../../schema/column-vector.ts'
import type { ColumnSchema } from '../../schema/table-schema.ts'
import { concatVectors, constantVector, defaultVector, gatherVector } from '../../schema/vector-ops.ts'
import type { SSTableReader } from '../../sstable/sstable-reader.ts'
import { type DeltaSchema, deltaOps, deltaPositionOf } from '../delta-schema.ts'
import { opsOf, rowsOf, setVector, timesOf } from './delta-rows.ts'
import type { JobFile, JobFiles } from './job-files.ts'

/**
 * Goes through a delta file, one row group at a time, as the current schema has it: columns that were dropped are left out,
 * and one that was added since, a `live` sets to its default.
 */
export class DeltaCursor {
  /** The group at hand, a block of the delta schema; its entries from `at` on are still to come. */
  block: RowBlock = { rowCount: 0, columns: [] }
  rows: Int32Array = new Int32Array(0)
  times: Float64Array = new Float64Array(0)
  at = 0
  /** The newest time in row groups that were passed over; −Infinity: none was. */
  skippedThrough = Number.NEGATIVE_INFINITY
  private readonly delta: DeltaSchema
  private readonly reader: SSTableReader
  /** Positions in the delta schema of the columns that the file has. */
  private readonly stored: readonly number[]
  private readonly after: number
  private group = 0

  private constructor(delta: DeltaSchema, reader: SSTableReader, after: number) {
    this.delta = delta
    this.reader = reader
    this.after = after
    this.stored = delta.schema.columns.map((_, position) => position).filter((position) => reader.hasColumn(position))
  }

  /** Opens a delta file. Nothing is at hand yet. Row groups without an entry later than `after` are passed over unread. */
  static async open(files: JobFiles, file: JobFile, delta: DeltaSchema, o: { after?: number } = {}): Promise<DeltaCursor> {
    return new DeltaCursor(delta, await files.openTable(file, delta.schema), o.after ?? Number.NEGATIVE_INFINITY)
  }

  /** Whether an entry is at hand; else `advance`. */
  get isFilled(): boolean {
    return this.at < this.rows.length
  }

  /** Lets go of the group at hand and takes the next one; false at the end of the file. */
  async advance(): Promise<boolean> {
    this.block = { rowCount: 0, columns: [] }
    this.rows = new Int32Array(0)
    this.times = new Float64Array(0)
    this.at = 0
    this.skip()
    if (this.group === this.reader.groupCount) return false
    this.block = await this.load(this.group++)
    this.rows = rowsOf(this.block)
    this.times = timesOf(this.block)
    return true
  }

  private skip(): void {
    for (; this.group < this.reader.groupCount; this.group++) {
      const { max } = this.reader.timestampRange(this.group)
      if (max > this.after) return
      this.skippedThrough = Math.max(this.skippedThrough, max)
    }
  }

  private async load(group: number): Promise<RowBlock> {
    const { base, schema, setPositions } = this.delta
    const loaded = await this.reader.loadColumns(group, this.stored)
    const rowCount = this.reader.groupRowCount(group)
    const columns = new Array<ColumnVector | undefined>(schema.columns.length).fill(undefined)
    this.stored.forEach((position, i) => {
      columns[position] = loaded[i]
    })
    const lives = livesOf(opsOf({ rowCount, columns: columns as ColumnVector[] }))
    for (let position = 0; position < base.columns.length; position++) {
      const deltaPosition = deltaPositionOf(position)
      if (columns[deltaPosition] !== undefined) continue
      columns[deltaPosition] = defaultWhere(base.columns[position] as ColumnSchema, lives)
      const setPosition = setPositions[position] as number
      if (setPosition >= 0) columns[setPosition] = setVector(lives)
    }
    return { rowCount, columns: columns as ColumnVector[] }
  }
}

/** 1 for each `live`. */
function livesOf(ops: Int8Array): Uint8Array {
  const lives = new Uint8Array(ops.length)
  for (let i = 0; i < lives.length; i++) if (ops[i] === deltaOps.live) lives[i] = 1
  return lives
}

/** A column's default where the flag is 1, else null. */
function defaultWhere(column: ColumnSchema, flags: Uint8Array): ColumnVector {
  if (!flags.includes(1)) return constantVector(column, null, flags.length)
  return gatherVector(concatVectors([constantVector(column, null, 1), defaultVector(column, 1)]), Int32Array.from(flags))
}
