import { invariant } from '../base/errors.ts'
import type { ColumnVector, FixedVector } from '../schema/column-vector.ts'
import { constantVector, sliceVector } from '../schema/vector-ops.ts'
import { type DeltaSchema, deltaOps, deltaPositionOf, deltaPositions } from './delta-schema.ts'
import { RowGather } from './mem-gather.ts'
import type { MemRows } from './mem-rows.ts'
import type { DeltaBlock, DeltaRun } from './row-changes.ts'

/** Some changes of a DeltaMemStore, copied out of it column by column as they are asked for. */
export class MemDeltaRun implements DeltaRun {
  readonly count: number
  private readonly delta: DeltaSchema
  private readonly source: MemRows
  private readonly changes: Int32Array
  private gather: RowGather | undefined
  private rowIds: Int32Array | undefined
  private timestamps: Float64Array | undefined
  private opCodes: Int8Array | undefined
  private readonly columns: (ColumnVector | undefined)[] = []

  /** `changes`: their numbers; the list belongs to the run. */
  constructor(source: MemRows, delta: DeltaSchema, changes: Int32Array) {
    this.source = source
    this.delta = delta
    this.changes = changes
    this.count = changes.length
  }

  prepare(positions: readonly number[]): undefined {
    this.prepareSync(positions)
    return undefined
  }

  prepareSync(positions: readonly number[]): void {
    for (const position of positions) {
      this.take(deltaPositionOf(position))
      const setPosition = this.delta.setPositions[position] as number
      if (setPosition >= 0) this.take(setPosition)
    }
  }

  prepareCached(positions: readonly number[]): boolean {
    this.prepareSync(positions)
    return true
  }

  get rows(): Int32Array {
    this.rowIds ??= this.values(deltaPositions.row) as Int32Array
    return this.rowIds
  }

  get times(): Float64Array {
    this.timestamps ??= this.gathered.timestamps()
    return this.timestamps
  }

  get ops(): Int8Array {
    this.opCodes ??= this.values(deltaPositions.op) as Int8Array
    return this.opCodes
  }

  column(position: number): ColumnVector {
    return this.prepared(deltaPositionOf(position))
  }

  isSet(position: number, index: number): boolean {
    const unset = this.unset(position)
    return unset === undefined || unset[index] === 0
  }

  unset(position: number): Uint8Array | undefined {
    const setPosition = this.delta.setPositions[position] as number
    return this.prepared(setPosition < 0 ? deltaPositionOf(position) : setPosition).nulls
  }

  /** The columns of the store are those of its table. */
  knows(): boolean {
    return true
  }

  private prepared(deltaPosition: number): ColumnVector {
    const vector = this.columns[deltaPosition]
    invariant(vector !== undefined, 'a run of changes was asked for a column that was not prepared')
    return vector
  }

  private get gathered(): RowGather {
    this.gather ??= new RowGather(this.source, this.changes, 0, this.count)
    return this.gather
  }

  private take(deltaPosition: number): void {
    this.columns[deltaPosition] ??= this.vector(deltaPosition)
  }

  private values(deltaPosition: number): FixedVector['values'] {
    return (this.vector(deltaPosition) as FixedVector).values
  }

  private vector(deltaPosition: number): ColumnVector {
    const column = this.delta.schema.columns[deltaPosition]
    invariant(column !== undefined, 'a column that the table does not have')
    return this.count === 0 ? constantVector({ ...column, nullable: true }, null, 0) : this.gathered.column(deltaPosition)
  }
}

/**
 * Changes as blocks that can be appended to a DeltaMemStore, in their order: one for each run of changes that have op,
 * time and op id in common, and set the same columns.
 */
export function* splitIntoBlocks(delta: DeltaSchema, run: DeltaRun, opIdOf: (index: number) => number): Generator<DeltaBlock> {
  const positions = delta.base.columns.map((_, position) => position)
  run.prepareSync(positions)
  const starts = blockStarts(run, positions, opIdOf)
  for (let from = 0; from < run.count; ) {
    let to = from + 1
    while (to < run.count && starts[to] === 0) to++
    const set = positions.filter((position) => run.isSet(position, from))
    yield {
      op: opNames[run.ops[from] as number] as DeltaBlock['op'],
      timestamp: run.times[from] as number,
      opId: opIdOf(from),
      rows: run.rows.subarray(from, to),
      values: { rowCount: to - from, columns: set.map((position) => sliceVector(run.column(position), from, to)) },
      positions: set,
    }
    from = to
  }
}

const opNames = Object.fromEntries(Object.entries(deltaOps).map(([name, code]) => [code, name]))

/** 1 for each change that has not everything in common with the one before. */
function blockStarts(run: DeltaRun, positions: readonly number[], opIdOf: (index: number) => number): Uint8Array {
  const { count, ops, times } = run
  const starts = new Uint8Array(count)
  for (let i = 1; i < count; i++) {
    if (ops[i] !== ops[i - 1] || times[i] !== times[i - 1] || opIdOf(i) !== opIdOf(i - 1)) starts[i] = 1
  }
  for (const position of positions) {
    for (let i = 1; i < count; i++) if (run.isSet(position, i) !== run.isSet(position, i - 1)) starts[i] = 1
  }
  return starts
}
