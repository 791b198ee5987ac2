/**
 * What deltas say of one row at a snapshot: whether it is there, and for each column asked for which change decides. Stores in memory
 * are asked for the row's changes from the newest on, and files for a run of one row.
 *   aliveness  the newest redo with time ≤ T says it (what is updated is alive); if there is none, the oldest undo with time > T
 *   a column   the newest redo with time ≤ T that sets it; else the oldest undo with time > T that does; else the base
 */
import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnSchema, TableSchema } from '../schema/table-schema.ts'
import { defaultVector } from '../schema/vector-ops.ts'
import { deltaOps } from './delta-schema.ts'
import type { DeltaStack } from './delta-stack.ts'
import type { LookupMisses, Missed } from './lookup-misses.ts'
import type { DeltaRun, DeltaSource, MemDeltaSource } from './row-changes.ts'

/** Of a column: the base decides. */
export const fromBase = -1

/** The changes of one row in a file, as a look-up notes that they are to be loaded. */
class RowRun implements Missed {
  readonly run: DeltaRun
  private readonly stack: DeltaStack
  private readonly positions: readonly number[]

  constructor(stack: DeltaStack, run: DeltaRun, positions: readonly number[]) {
    this.stack = stack
    this.run = run
    this.positions = positions
  }

  tryRetain(): boolean {
    return this.stack.tryRetain()
  }

  release(): void {
    this.stack.release()
  }

  async load(): Promise<void> {
    await this.run.prepare(this.positions)
  }

  loadSync(): void {
    this.run.prepareSync(this.positions)
  }
}

/** The changes of a row in a source, with these columns; undefined: `misses` says what lacks. */
export function rowRun(
  stack: DeltaStack,
  source: DeltaSource,
  row: number,
  positions: readonly number[],
  misses: LookupMisses,
): DeltaRun | undefined {
  const noted = misses.noted(source, row)
  const run = noted instanceof RowRun ? noted.run : source.open(row, row + 1)
  if (run.prepareCached(positions)) return run
  misses.want(source, row, new RowRun(stack, run, positions))
  return undefined
}

export interface OverlayOptions {
  readonly schema: TableSchema
  readonly row: number
  readonly timestamp: number
  readonly positions: readonly number[]
  readonly misses: LookupMisses
}

/** One row seen through deltas. */
export class RowOverlay {
  /** Beside the positions: the row's index in `vectors`, or `fromBase`. */
  readonly indexes: number[] = []
  readonly vectors: ColumnVector[] = []
  /** Whether some column is not from the base. */
  isChanged = false
  private readonly o: OverlayOptions
  /** Beside the positions: the time of the change that decides so far. */
  private readonly times: number[] = []
  private phase: 'redo' | 'undo' = 'redo'
  /** The time of the change that says whether the row is alive, so far. */
  private aliveTime = Number.NEGATIVE_INFINITY
  private isAlive = true
  private isComplete = true
  private readonly vectorRoom: ColumnVector[] = []
  private readonly indexRoom: number[] = []

  constructor(o: OverlayOptions) {
    this.o = o
    for (let i = 0; i < o.positions.length; i++) {
      this.indexes.push(fromBase)
      this.times.push(Number.NEGATIVE_INFINITY)
    }
  }

  /** Whether the row is there; undefined: `misses` says why it cannot be told. */
  resolve(stack: DeltaStack): boolean | undefined {
    const { o } = this
    const { redo, stores, undo } = stack
    for (let i = redo.length - 1; i >= 0; i--) {
      const source = redo[i] as DeltaSource
      if (source.minTime > o.timestamp || !source.mayChange(o.row) || !this.matters(source)) continue
      const store = stores[i]
      if (store === undefined) this.readFile(stack, source)
      else this.readStore(store)
    }
    const wasRedone = this.aliveTime !== Number.NEGATIVE_INFINITY
    if (wasRedone && !this.isAlive) return this.isComplete ? false : undefined
    this.turnToUndo(wasRedone)
    for (const source of undo)
      if (source.maxTime > o.timestamp && source.mayChange(o.row) && this.matters(source)) this.readFile(stack, source)
    return this.isComplete ? this.isAlive : undefined
  }

  /** What redo has decided stays so. */
  private turnToUndo(wasRedone: boolean): void {
    this.phase = 'undo'
    this.aliveTime = wasRedone ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    for (let i = 0; i < this.o.positions.length; i++)
      this.times[i] = this.indexes[i] === fromBase ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  }

  /** Whether a source could still decide something: redo that is newer than what decides so far, or undo. */
  private matters(source: DeltaSource): boolean {
    const { positions } = this.o
    if (source.mayKill && this.isOpen(source, this.aliveTime)) return true
    for (let i = 0; i < positions.length; i++)
      if (this.isOpen(source, this.times[i] as number) && this.mayBeSet(source, positions[i] as number)) return true
    return false
  }

  private isOpen({ minTime, maxTime }: DeltaSource, decided: number): boolean {
    return this.phase === 'redo' ? maxTime > decided : minTime < decided
  }

  private readStore(store: MemDeltaSource): void {
    const { row, timestamp, positions } = this.o
    for (let change = store.latestOf(row); change >= 0; change = store.previousOf(change)) {
      const time = store.timeOf(change)
      if (time > timestamp) continue
      const op = store.opOf(change)
      this.decideAlive(time, op)
      if (op === deltaOps.delete) return
      let isOpen = false
      for (let i = 0; i < positions.length; i++) {
        const position = positions[i] as number
        if (time < (this.times[i] as number) || !this.mayBeSet(store, position)) continue
        if (store.isSetAt(change, position)) this.takeFromStore(store, change, i, time)
        else isOpen = true
      }
      // What was before a reinsert is over, and what is behind a change of every column is covered.
      if (!isOpen || op === deltaOps.live) return
    }
  }

  private takeFromStore(store: MemDeltaSource, change: number, i: number, time: number): void {
    store.vectorsAt(change, [this.o.positions[i] as number], this.vectorRoom, this.indexRoom)
    this.take(i, this.vectorRoom[0] as ColumnVector, this.indexRoom[0] as number, time)
  }

  private readFile(stack: DeltaStack, source: DeltaSource): void {
    const { row, timestamp, positions, misses } = this.o
    const asked = positions.filter((position) => this.mayBeSet(source, position))
    const run = rowRun(stack, source, row, asked, misses)
    if (run === undefined) {
      this.isComplete = false
      return
    }
    const { times, ops, count } = run
    for (let k = 0; k < count; k++) {
      const time = times[k] as number
      if (this.phase === 'redo' ? time > timestamp : time <= timestamp) continue
      const op = ops[k] as number
      this.decideAlive(time, op)
      for (let i = 0; i < positions.length; i++) {
        const position = positions[i] as number
        if (!asked.includes(position) || !this.decides(time, this.times[i] as number)) continue
        if (!run.knows(position)) {
          if (op === deltaOps.live) this.take(i, defaultVector(this.columnAt(position), 1), 0, time)
        } else if (run.isSet(position, k)) this.take(i, run.column(position), k, time)
      }
    }
  }

  /** Of redo the newest decides, of undo the oldest. */
  private decides(time: number, before: number): boolean {
    return this.phase === 'redo' ? time >= before : time <= before
  }

  private decideAlive(time: number, op: number): void {
    if (!this.decides(time, this.aliveTime)) return
    this.aliveTime = time
    this.isAlive = op !== deltaOps.delete
  }

  private take(i: number, vector: ColumnVector, index: number, time: number): void {
    this.vectors[i] = vector
    this.indexes[i] = index
    this.times[i] = time
    this.isChanged = true
  }

  private mayBeSet(source: DeltaSource, position: number): boolean {
    return source.mayUpdate(position) && !this.o.schema.keyColumns.includes(position)
  }

  private columnAt(position: number): ColumnSchema {
    return this.o.schema.columns[position] as ColumnSchema
  }
}
