import { deltaOps } from './delta-schema.ts'
import type { DeltaRun, DeltaSource } from './row-changes.ts'

/** What changes of one run say of their rows, in the order of application: row `at[k]` is said to be `says[k]`, from `times[k]` on. */
export interface Claims {
  readonly isUndo: boolean
  readonly at: Int32Array
  /** Whole numbers above 0. */
  readonly says: Int32Array
  /** Only if they were asked for. */
  readonly times: Float64Array | undefined
}

/** The changes of one source that apply to some rows at a snapshot, in the order in which they do. */
export class AppliedRun {
  readonly source: DeltaSource
  readonly run: DeltaRun
  readonly isUndo: boolean
  /** Whether claims say their times: several sources overlap. */
  private readonly isTimed: boolean
  /** Whether the snapshot is known to see every change of the source, so that times need not be looked at. */
  private isSeenWhole = false
  private readonly timestamp: number
  /** The row id of the first row, or the ids of all of them. */
  private readonly rows: number | Int32Array
  /** Indexes of the changes that apply, in order; of each change, which of the rows it changes. */
  private order: Int32Array | undefined
  private places: Int32Array | undefined

  constructor(o: { source: DeltaSource; run: DeltaRun; isUndo: boolean; isTimed: boolean; timestamp: number; rows: number | Int32Array }) {
    this.source = o.source
    this.run = o.run
    this.isUndo = o.isUndo
    this.isTimed = o.isTimed
    this.timestamp = o.timestamp
    this.rows = o.rows
  }

  /** Whether every change of the run is part of the state that the snapshot sees. The run has been prepared. */
  get isNewest(): boolean {
    return this.isUndo ? this.applied.length === 0 : this.applied.length === this.run.count
  }

  /** A time by which every change had been made. */
  get seenFrom(): number {
    if (this.isSeenWhole) return this.source.maxTime
    const { times, count } = this.run
    let newest = Number.NEGATIVE_INFINITY
    for (let i = 0; i < count; i++) if ((times[i] as number) > newest) newest = times[i] as number
    return newest
  }

  /** Which change sets a prepared column: says `base` + 1 + its index. */
  setters(position: number, base: number): Claims | undefined {
    const { applied } = this
    const unset = this.run.unset(position)
    const chosen = new Int32Array(applied.length)
    let count = 0
    if (unset === undefined) {
      chosen.set(applied)
      count = applied.length
    } else {
      for (let k = 0; k < applied.length; k++) {
        const i = applied[k] as number
        if (unset[i] === 0) chosen[count++] = i
      }
    }
    const claims = this.claims(chosen, count)
    for (let k = 0; k < count; k++) chosen[k] = (chosen[k] as number) + base + 1
    return claims
  }

  /** Which reinserts leave a column that the source does not know at its default: says `base` + 1. */
  defaulters(base: number): Claims | undefined {
    const claims = this.kills((op) => op === deltaOps.live)
    claims?.says.fill(base + 1)
    return claims
  }

  /** Which changes kill rows or bring them back: says the op. */
  killers(): Claims | undefined {
    const claims = this.kills((op) => op !== deltaOps.update)
    const { ops } = this.run
    if (claims) for (let k = 0; k < claims.says.length; k++) claims.says[k] = ops[claims.says[k] as number] as number
    return claims
  }

  private kills(wanted: (op: number) => boolean): Claims | undefined {
    const { ops } = this.run
    const chosen = this.applied.filter((i) => wanted(ops[i] as number))
    return this.claims(chosen, chosen.length)
  }

  /** Claims of the chosen changes; `says` is the list of them, for the caller to make use of. */
  private claims(chosen: Int32Array, count: number): Claims | undefined {
    if (count === 0) return undefined
    this.places ??= placesOf(this.run, this.rows)
    const { isUndo, places } = this
    const at = new Int32Array(count)
    for (let k = 0; k < count; k++) at[k] = places[chosen[k] as number] as number
    return { isUndo, at, says: chosen.subarray(0, count), times: this.isTimed ? this.timesOf(chosen, count) : undefined }
  }

  private timesOf(chosen: Int32Array, count: number): Float64Array {
    const { times } = this.run
    const out = new Float64Array(count)
    for (let k = 0; k < count; k++) out[k] = times[chosen[k] as number] as number
    return out
  }

  private get applied(): Int32Array {
    if (this.order === undefined) {
      this.isSeenWhole = !this.isUndo && this.source.maxTime <= this.timestamp
      this.order = this.isSeenWhole ? inOrder(this.run.count) : applyOrder(this.run, this.isUndo, this.timestamp)
    }
    return this.order
  }
}

function inOrder(count: number): Int32Array {
  const order = new Int32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  return order
}

/** Undo with a later time, newest first; redo with an earlier one, oldest first. A run holds those of one row in order of time. */
function applyOrder({ times, count }: DeltaRun, isUndo: boolean, timestamp: number): Int32Array {
  const order = new Int32Array(count)
  let found = 0
  if (isUndo) for (let i = count - 1; i >= 0; i--) if ((times[i] as number) > timestamp) order[found++] = i
  if (!isUndo) for (let i = 0; i < count; i++) if ((times[i] as number) <= timestamp) order[found++] = i
  return order.subarray(0, found)
}

/** Which of the rows each change changes. Of listed rows, changes come in the order of the list. */
function placesOf({ rows: ids, count }: DeltaRun, rows: number | Int32Array): Int32Array {
  const places = new Int32Array(count)
  if (typeof rows === 'number') {
    for (let i = 0; i < count; i++) places[i] = (ids[i] as number) - rows
    return places
  }
  for (let i = 0, at = 0; i < count; i++) {
    while (rows[at] !== ids[i]) at++
    places[i] = at
  }
  return places
}

/** Claims by row, kept from call to call; 0 everywhere in between. */
let elected = new Int32Array(8192)

/**
 * What the last claim on each row says, of those that undo and redo make (all redo is applied after all undo): the rows of
 * which something is said, ascending, and what. Claims of one list come in the order of application; `overlapping`: those
 * of several lists do not, and go by time.
 */
export function elect(lists: readonly Claims[], rowCount: number, overlapping: boolean): { rows: Int32Array; says: Int32Array } {
  if (elected.length < rowCount) elected = new Int32Array(rowCount)
  const best = elected
  if (overlapping) claimByTime(lists, best, rowCount)
  else for (const { at, says } of lists) for (let k = 0; k < at.length; k++) best[at[k] as number] = says[k] as number
  const most = Math.min(
    rowCount,
    lists.reduce((sum, { at }) => sum + at.length, 0),
  )
  const rows = new Int32Array(most)
  const says = new Int32Array(most)
  let count = 0
  for (let row = 0; row < rowCount; row++) {
    const said = best[row] as number
    if (said === 0) continue
    rows[count] = row
    says[count++] = said
    best[row] = 0
  }
  return { rows: rows.subarray(0, count), says: says.subarray(0, count) }
}

/** Of undo the earliest counts, as it is applied last; of redo, which is applied after it, the latest. */
function claimByTime(lists: readonly Claims[], best: Int32Array, rowCount: number): void {
  const undone = new Float64Array(rowCount).fill(Number.POSITIVE_INFINITY)
  const redone = new Float64Array(rowCount).fill(Number.NEGATIVE_INFINITY)
  for (const { isUndo, at, says, times } of lists) {
    for (let k = 0; k < at.length; k++) {
      const row = at[k] as number
      const time = (times as Float64Array)[k] as number
      if (isUndo ? redone[row] !== Number.NEGATIVE_INFINITY || time > (undone[row] as number) : time < (redone[row] as number)) continue
      if (isUndo) undone[row] = time
      else redone[row] = time
      best[row] = says[k] as number
    }
  }
}
