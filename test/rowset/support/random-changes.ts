import { SeededRandom } from '../../../src/base/seeded-random.ts'
import { type DeltaOp, deltaOps } from '../../../src/rowset/delta-schema.ts'
import type { DeltaBlock, DeltaRun } from '../../../src/rowset/row-changes.ts'
import { valueAt } from '../../../src/schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../../../src/schema/table-schema.ts'
import { RandomTable } from './random-table.ts'

/** A change as the model holds it. */
export interface ModelChange {
  readonly row: number
  readonly time: number
  readonly op: DeltaOp
  readonly opId: number
  /** By position of the base schema; undefined: not set. */
  readonly values: readonly (ColumnValue | undefined)[]
}

/** Random blocks of changes, and the model of what they say. Times and op ids count up from 1. */
export class RandomChanges {
  readonly schema: TableSchema
  readonly random: SeededRandom
  readonly model: ModelChange[] = []
  private readonly table: RandomTable
  private readonly rowCount: number
  private time = 0

  /** Of rows `[0 .. rowCount)`. */
  constructor(schema: TableSchema, seed: number, rowCount: number) {
    this.schema = schema
    this.rowCount = rowCount
    this.random = new SeededRandom(seed)
    this.table = new RandomTable(schema, seed)
  }

  /** The next block, of up to `countMax` distinct rows, and what of it is taken: part of the model from now on. */
  block(countMax: number): { block: DeltaBlock; selection: Int32Array | undefined } {
    const { random } = this
    const rows = new Int32Array(new Set(Array.from({ length: 1 + random.below(countMax) }, () => this.row())))
    const batch = this.table.batch(rows.length)
    const op = (['update', 'update', 'delete', 'live'] as const)[random.below(4)] as DeltaBlock['op']
    const positions = this.schema.columns.map((_, position) => position).filter((position) => this.sets(op, position))
    const timestamp = ++this.time
    const block: DeltaBlock = {
      op,
      timestamp,
      opId: timestamp + 1000,
      rows,
      values: { rowCount: rows.length, columns: positions.map((position) => batch.block.columns[position] as never) },
      positions,
    }
    const taken = Array.from(rows, (_, i) => i).filter(() => random.below(4) > 0)
    const selection = random.below(2) === 0 ? Int32Array.from(taken) : undefined
    for (const i of selection ?? rows.keys()) {
      const values = this.schema.columns.map((_, position) => (positions.includes(position) ? batch.rows[i]?.[position] : undefined))
      this.model.push({ row: rows[i] as number, time: timestamp, op: deltaOps[op], opId: block.opId, values })
    }
    return { block, selection }
  }

  /** The changes of rows `[from .. to)`, in order of row and time. */
  changesIn(from: number, to: number): ModelChange[] {
    return this.model.filter(({ row }) => row >= from && row < to).sort(byRowAndTime)
  }

  /** A run of rows that tends to begin or end where a block of rows does. */
  range(): [from: number, to: number] {
    const ends = [0, 1].map(() => (this.random.below(2) === 0 ? this.random.below(this.rowCount + 1) : this.random.below(5) * 8192))
    return [Math.min(...ends), Math.max(...ends)]
  }

  private row(): number {
    return this.random.below(3) === 0 ? this.random.below(Math.min(20, this.rowCount)) : this.random.below(this.rowCount)
  }

  private sets(op: DeltaBlock['op'], position: number): boolean {
    if (this.schema.keyColumns.includes(position)) return true
    return op === 'live' || (op === 'update' && this.random.below(2) === 0)
  }
}

export function byRowAndTime(a: { row: number; time: number }, b: { row: number; time: number }): number {
  return a.row - b.row || a.time - b.time
}

export function allPositions(schema: TableSchema): number[] {
  return schema.columns.map((_, position) => position)
}

/** What a prepared run says, change by change, in order of row and time. Those of one row come in order of time, or it throws. */
export function readRun(schema: TableSchema, run: DeltaRun): Omit<ModelChange, 'opId'>[] {
  const latest = new Map<number, number>()
  const changes = Array.from(run.rows.subarray(0, run.count), (row, index) => {
    const time = run.times[index] as number
    if ((latest.get(row) ?? 0) >= time) throw new Error(`The changes of row ${row} are not in order of time.`)
    latest.set(row, time)
    const values = schema.columns.map((column, position) => readValue(run, column, position, index))
    return { row, time, op: run.ops[index] as DeltaOp, values }
  })
  return changes.sort(byRowAndTime)
}

function readValue(run: DeltaRun, column: ColumnSchema, position: number, index: number): ColumnValue | undefined {
  const value = valueAt(column, run.column(position), index)
  if (run.isSet(position, index)) return value
  if (value !== null) throw new Error(`Column ${column.name} is not set, but has a value.`)
  return undefined
}

/** The same changes without their op ids. */
export function withoutOpIds(changes: readonly ModelChange[]): Omit<ModelChange, 'opId'>[] {
  return changes.map(({ row, time, op, values }) => ({ row, time, op, values }))
}
