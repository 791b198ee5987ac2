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
  private readonly delta: DeltaSchema
  private readonly reader: SSTableReader
  /** Positions in the delta schema of the columns that the file has. */
  private readonly stored: readonly number[]
  private group = 0

  private constructor(delta: DeltaSchema, reader: SSTableReader) {
    this.delta = delta
    this.reader = reader
    this.stored = delta.schema.columns.map((_, position) => position).filter((position) => reader.hasColumn(position))
  }

  /** Opens a delta file. Nothing is at hand yet. */
  static async open(files: JobFiles, file: JobFile, delta: DeltaSchema): Promise<DeltaCursor> {
    return new DeltaCursor(delta, await files.openTable(file, delta.schema))
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
    if (this.group === this.reader.groupCount) return false
    this.block = await this.load(this.group++)
    this.rows = rowsOf(this.block)
    this.times = timesOf(this.block)
    return true
  }

  private async load(group: number): Promise<RowBlock> {
    const { base, schema, setPositions } = this.delta
    const loaded = await this.reader.loadColumns(group, this.stored)
    const rowCount = this.reader.groupRowCount(group)
    const columns = new Array<ColumnVector | undefined>(schema.columns.length).fill(undefined)
    this.stored.forEach((position, i) => {
      columns[position] = loaded[i]
    })
    const lives = Uint8Array.from(opsOf({ rowCount, columns: columns as ColumnVector[] }), (op) => (op === deltaOps.live ? 1 : 0))
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

/** A column's default where the flag is 1, else null. */
function defaultWhere(column: ColumnSchema, flags: Uint8Array): ColumnVector {
  if (!flags.includes(1)) return constantVector(column, null, flags.length)
  return gatherVector(concatVectors([constantVector(column, null, 1), defaultVector(column, 1)]), Int32Array.from(flags))
}
