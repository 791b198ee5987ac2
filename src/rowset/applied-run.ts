import { deltaOps } from './delta-schema.ts'
import type { DeltaRun, DeltaSource } from './row-changes.ts'

/** What changes of one run say of their rows, in the order of application: row `at[k]` is said to be `says[k]`, from `times[k]` on. */
export interface Claims {
  readonly isUndo: boolean
  readonly at: Int32Array
  /** Whole numbers above 0. */
  readonly says: Int32Array
  readonly times: Float64Array
}

/** The changes of one source that apply to some rows at a snapshot, in the order in which they do. */
export class AppliedRun {
  readonly source: DeltaSource
  readonly run: DeltaRun
  readonly isUndo: boolean
  private readonly timestamp: number
  /** The row id of the first row, or the ids of all of them. */
  private readonly rows: number | Int32Array
  /** Indexes of the changes that apply, in order; of each change, which of the rows it changes. */
  private order: Int32Array | undefined
  private places: Int32Array | undefined

  constructor(o: { source: DeltaSource; run: DeltaRun; isUndo: boolean; timestamp: number; rows: number | Int32Array }) {
    this.source = o.source
    this.run = o.run
    this.isUndo = o.isUndo
    this.timestamp = o.timestamp
    this.rows = o.rows
  }

  /** Whether every change of the run is part of the state that the snapshot sees. The run has been prepared. */
  get isNewest(): boolean {
    return this.isUndo ? this.applied.length === 0 : this.applied.length === this.run.count
  }

  /** The time of the newest change, applied or not; −Infinity: there is none. */
  get newestTime(): number {
    const { times, count } = this.run
    let newest = Number.NEGATIVE_INFINITY
    for (let i = 0; i < count; i++) if ((times[i] as number) > newest) newest = times[i] as number
    return newest
  }

  /** Which change sets a prepared column: says `base` + 1 + its index. */
  setters(position: number, base: number): Claims | undefined {
    const { applied, run } = this
    const chosen = new Int32Array(applied.length)
    let count = 0
    for (let k = 0; k < applied.length; k++) {
      const i = applied[k] as number
      if (run.isSet(position, i)) chosen[count++] = i
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
    const { times } = this.run
    this.places ??= placesOf(this.run, this.rows)
    const claims = { isUndo: this.isUndo, at: new Int32Array(count), says: chosen.subarray(0, count), times: new Float64Array(count) }
    for (let k = 0; k < count; k++) {
      const i = chosen[k] as number
      claims.at[k] = this.places[i] as number
      claims.times[k] = times[i] as number
    }
    return claims
  }

  private get applied(): Int32Array {
    this.order ??= applyOrder(this.run, this.isUndo, this.timestamp)
    return this.order
  }
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
  let count = 0
  for (let row = 0; row < rowCount; row++) if (best[row] !== 0) count++
  const rows = new Int32Array(count)
  const says = new Int32Array(count)
  for (let row = 0, k = 0; k < count; row++) {
    if (best[row] === 0) continue
    rows[k] = row
    says[k++] = best[row] as number
    best[row] = 0
  }
  return { rows, says }
}

/** Of undo the earliest counts, as it is applied last; of redo, which is applied after it, the latest. */
function claimByTime(lists: readonly Claims[], best: Int32Array, rowCount: number): void {
  const undone = new Float64Array(rowCount).fill(Number.POSITIVE_INFINITY)
  const redone = new Float64Array(rowCount).fill(Number.NEGATIVE_INFINITY)
  for (const { isUndo, at, says, times } of lists) {
    for (let k = 0; k < at.length; k++) {
      const row = at[k] as number
      const time = times[k] as number
      if (isUndo ? redone[row] !== Number.NEGATIVE_INFINITY || time > (undone[row] as number) : time < (redone[row] as number)) continue
      if (isUndo) undone[row] = time
      else redone[row] = time
      best[row] = says[k] as number
    }
  }
}
