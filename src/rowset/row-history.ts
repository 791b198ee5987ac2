/**
 * How the history of one row is split into base, undo and redo: the one place that knows. Whoever writes base data
 * anew (a flush, a merging compaction) resolves each changed row here.
 *   base   the newest state; of a dead row, the one just before its death. Invisible before `insertedAt`, which is where
 *          the first life begins that somebody may still see
 *   undo   at t, the state just before t: of an update the old values of the columns that it set, of a death (`live`)
 *          all values, of a reinsert that there was no row (`delete`). Only what a reader at the horizon or later needs
 *   redo   the death of a row that is dead
 * A read at T takes the base, then undo with time > T from the newest to the oldest, then redo with time ≤ T.
 */
import type { ColumnValue } from '../schema/table-schema.ts'
import { type DeltaOp, deltaOps } from './delta-schema.ts'

/** Values by position in the table's schema; undefined where nothing is set. */
export type SetValues = readonly (ColumnValue | undefined)[]

/** What a delta says of a row: in an undo, of the state just before `time`; in a redo, of the state from `time` on. */
export interface RowChange {
  readonly time: number
  readonly op: DeltaOp
  readonly values: SetValues
}

export interface BaseRow {
  /** The row's insert timestamp: it is invisible before. */
  readonly insertedAt: number
  /** At all positions. */
  readonly values: readonly ColumnValue[]
}

export interface RowHistory {
  readonly base: BaseRow
  /** Ascending by time. Several may share a time if they set different columns. */
  readonly undo: readonly RowChange[]
  /** Ascending by time. A `live` sets all columns but those that undo speaks of at the same time. */
  readonly redo: readonly RowChange[]
}

/** A history as it is to be written; undefined in place of one: nobody can see the row any more. */
export interface ResolvedRow {
  readonly history: RowHistory | undefined
  /** Time of the newest change that a reader before it would miss: history is complete from there on. −Infinity: nothing was left out. */
  readonly forgottenThrough: number
}

const nothingSet: SetValues = []

/** Whether a row whose newest change is this one is invisible to whoever reads at the horizon or later. */
export function isUnseen(newest: { readonly time: number; readonly op: number }, horizon: number): boolean {
  return newest.op === deltaOps.delete && newest.time <= horizon
}

/** Splits a row's history anew, for readers at `horizon` or later; to these it says the same as before. */
export function resolveHistory(from: RowHistory, horizon: number): ResolvedRow {
  const walk = new HistoryWalk(from, horizon)
  const { redo } = from
  const { steps } = walk
  for (let s = 0, r = 0; s < steps.length || r < redo.length; ) {
    const time = Math.min(steps[s]?.time ?? Number.POSITIVE_INFINITY, redo[r]?.time ?? Number.POSITIVE_INFINITY)
    walk.begin(time)
    for (; steps[s]?.time === time; s++) walk.apply(steps[s] as Step)
    for (; redo[r]?.time === time; r++) {
      const { op, values } = redo[r] as RowChange
      walk.apply({ time, alive: aliveAfter(op), values })
    }
    walk.end()
  }
  return walk.result()
}

/** A change as it is met going forward: undefined `alive` leaves life and death as they are. */
interface Step {
  readonly time: number
  readonly alive: boolean | undefined
  readonly values: SetValues
}

function aliveAfter(op: DeltaOp): boolean | undefined {
  return op === deltaOps.update ? undefined : op === deltaOps.live
}

/** Goes through a row's states from the oldest to the newest and notes what is to be kept of each change. */
class HistoryWalk {
  /** What undo took back, ascending by time. */
  readonly steps: Step[] = []
  private readonly horizon: number
  private readonly values: ColumnValue[]
  private alive = true
  /** Where the first life begins that is to be kept; undefined: none so far. */
  private insertedAt: number | undefined
  private readonly undo: RowChange[] = []
  private forgottenThrough = Number.NEGATIVE_INFINITY
  /** Of the change being applied: when, and what there was before. */
  private time = 0
  private wasAlive = true
  private old: (ColumnValue | undefined)[] = []

  constructor({ base, undo }: RowHistory, horizon: number) {
    this.horizon = horizon
    this.values = base.values.slice()
    for (let i = undo.length - 1; i >= 0; i--) this.takeBack(undo[i] as RowChange)
    this.steps.reverse()
    this.insertedAt = this.alive ? base.insertedAt : undefined
  }

  begin(time: number): void {
    this.time = time
    this.wasAlive = this.alive
    this.old = []
  }

  apply({ alive, values }: Step): void {
    for (let position = 0; position < values.length; position++) {
      const value = values[position]
      if (value === undefined) continue
      if (this.old[position] === undefined) this.old[position] = this.values[position] as ColumnValue
      this.values[position] = value
    }
    if (alive !== undefined) this.alive = alive
  }

  end(): void {
    const { wasAlive, alive } = this
    if (wasAlive && alive) this.keep({ time: this.time, op: deltaOps.update, values: this.old })
    else if (wasAlive) this.die()
    else if (alive) this.reinsert()
  }

  result(): ResolvedRow {
    const { insertedAt, undo, forgottenThrough } = this
    if (insertedAt === undefined) return { history: undefined, forgottenThrough }
    if (this.alive) return { history: { base: { insertedAt, values: this.values }, undo, redo: [] }, forgottenThrough }
    // The last thing noted is the death, with the state before it: the death becomes a redo, that state the base.
    const { time, values } = undo.pop() as RowChange
    const redo = [{ time, op: deltaOps.delete, values: nothingSet }]
    return { history: { base: { insertedAt, values: values as readonly ColumnValue[] }, undo, redo }, forgottenThrough }
  }

  /** Goes back to just before an undo's time, and notes how to come back. */
  private takeBack({ time, op, values }: RowChange): void {
    const restored: (ColumnValue | undefined)[] = []
    for (let position = 0; position < values.length; position++) {
      const value = values[position]
      if (value === undefined) continue
      restored[position] = this.values[position] as ColumnValue
      this.values[position] = value
    }
    const wasAlive = this.alive
    this.alive = aliveAfter(op) ?? wasAlive
    this.steps.push({ time, alive: this.alive === wasAlive ? undefined : wasAlive, values: restored })
  }

  private keep(change: RowChange): void {
    if (change.time > this.horizon) this.undo.push(change)
    else this.forgottenThrough = change.time
  }

  private die(): void {
    if (this.time <= this.horizon) this.insertedAt = undefined
    const values: (ColumnValue | undefined)[] = this.values.slice()
    for (let position = 0; position < this.old.length; position++) {
      const old = this.old[position]
      if (old !== undefined) values[position] = old
    }
    this.keep({ time: this.time, op: deltaOps.live, values })
  }

  private reinsert(): void {
    if (this.insertedAt === undefined) this.insertedAt = this.time
    else this.keep({ time: this.time, op: deltaOps.delete, values: nothingSet })
  }
}
