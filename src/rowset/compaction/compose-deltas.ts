/**
 * Which entries of deltas become one. Entries come in order of row and time; those of one row become one entry where no
 * reader at the horizon H or later can tell them apart:
 *
 *   of one time      the files of two compactions may each have a part of a change: the parts set different columns, and
 *                    together they are the change
 *   redo, time ≤ H   every reader applies all of them. The newest value of each column stays, with the newest time. What
 *                    came before a `delete` goes: a reinsert sets all columns, but for those that base data already has
 *
 *
 * What nobody would miss goes: an undo with time ≤ H, and an update that sets nothing, because its columns were dropped.
 */
import type { ColumnVector, RowBlock } from '../../schema/column-vector.ts'
import { gatherBlock, gatherVector } from '../../schema/vector-ops.ts'
import { type DeltaSchema, deltaOps, deltaPositionOf, deltaPositions } from '../delta-schema.ts'
import { opsOf, rowsOf, settingFlags, timesOf, unsetFlags, valuePositions } from './delta-rows.ts'

export interface ComposeRule {
  readonly kind: 'redo' | 'undo'
  /** Readers are at this timestamp or later. */
  readonly horizon: number
}

export interface Composed {
  readonly block: RowBlock
  /** The time of the newest entry that is not there as it was: a reader before it might miss something. −Infinity: all are. */
  readonly forgottenThrough: number
}

/** Composes the entries of `block` that `order` names, in its order. */
export function composeDeltas(delta: DeltaSchema, block: RowBlock, order: Int32Array, rule: ComposeRule): Composed {
  const wanted = rule.kind === 'undo' ? entriesAfter(timesOf(block), order, rule.horizon) : order
  const runs = findRuns(block, wanted, rule)
  const composed = runs.count === wanted.length ? inOrder(block, wanted) : joinRuns(delta, block, wanted, runs, rule)
  const said = entriesThatSay(delta, composed, valuePositions(delta))
  return {
    block: said.length === composed.rowCount ? composed : gatherBlock(composed, said),
    forgottenThrough: Math.max(newestDropped(block, order, rule), newestJoined(block, wanted, runs)),
  }
}

/** Of the entries that `order` names, those of a time after `horizon`. */
function entriesAfter(times: Float64Array, order: Int32Array, horizon: number): Int32Array {
  const after = new Int32Array(order.length)
  let count = 0
  for (let i = 0; i < order.length; i++) if ((times[order[i] as number] as number) > horizon) after[count++] = order[i] as number
  return after.subarray(0, count)
}

function inOrder(block: RowBlock, order: Int32Array): RowBlock {
  if (order.length !== block.rowCount) return gatherBlock(block, order)
  for (let i = 0; i < order.length; i++) if (order[i] !== i) return gatherBlock(block, order)
  return block
}

function newestDropped(block: RowBlock, order: Int32Array, { kind, horizon }: ComposeRule): number {
  let newest = Number.NEGATIVE_INFINITY
  if (kind === 'redo') return newest
  const times = timesOf(block)
  for (let i = 0; i < order.length; i++) {
    const time = times[order[i] as number] as number
    if (time <= horizon && time > newest) newest = time
  }
  return newest
}

/** The newest time of an entry that became one with an older one. */
function newestJoined(block: RowBlock, order: Int32Array, { count, starts }: Runs): number {
  let newest = Number.NEGATIVE_INFINITY
  const times = timesOf(block)
  for (let r = 0; r < count; r++) {
    const first = times[order[starts[r] as number] as number] as number
    const last = times[order[(starts[r + 1] as number) - 1] as number] as number
    if (first < last && last > newest) newest = last
  }
  return newest
}

/** Run r of `order` is [starts[r] .. starts[r + 1]), and becomes one entry. */
interface Runs {
  readonly count: number
  readonly starts: Int32Array
}

function findRuns(block: RowBlock, order: Int32Array, { kind, horizon }: ComposeRule): Runs {
  const rows = rowsOf(block)
  const times = timesOf(block)
  const joinedThrough = kind === 'redo' ? horizon : Number.NEGATIVE_INFINITY
  const starts = new Int32Array(order.length + 1)
  let count = 0
  for (let i = 0; i < order.length; i++) {
    const entry = order[i] as number
    const before = i === 0 ? -1 : (order[i - 1] as number)
    const time = times[entry] as number
    if (before >= 0 && rows[entry] === rows[before] && (time <= joinedThrough || time === times[before])) continue
    starts[count++] = i
  }
  starts[count] = order.length
  return { count, starts }
}

function joinRuns(delta: DeltaSchema, block: RowBlock, order: Int32Array, runs: Runs, { kind }: ComposeRule): RowBlock {
  const { count, starts } = runs
  const { row, time, op } = deltaPositions
  const begins = kind === 'redo' ? lastDeaths(block, order, runs) : starts.subarray(0, count)
  const newest = new Int32Array(count)
  for (let r = 0; r < count; r++) newest[r] = order[(starts[r + 1] as number) - 1] as number
  const columns = new Array<ColumnVector>(delta.schema.columns.length)
  for (const position of [row, time]) columns[position] = gatherVector(block.columns[position] as ColumnVector, newest)
  columns[op] = { form: 'fixed', length: count, values: joinOps(opsOf(block), order, starts, begins), nulls: undefined }
  for (let position = 0; position < delta.base.columns.length; position++) {
    const setters = lastSetters(unsetFlags(delta, block, position), order, starts, begins)
    const setPosition = delta.setPositions[position] as number
    for (const place of [deltaPositionOf(position), setPosition])
      if (place >= 0) columns[place] = gatherVector(block.columns[place] as ColumnVector, setters)
  }
  return { rowCount: count, columns }
}

/** For each run, where in `order` what still counts begins: at its last `delete`, or else where the run begins. */
function lastDeaths(block: RowBlock, order: Int32Array, { count, starts }: Runs): Int32Array {
  const ops = opsOf(block)
  const begins = starts.slice(0, count)
  for (let r = 0; r < count; r++) {
    for (let i = starts[r] as number; i < (starts[r + 1] as number); i++) if (ops[order[i] as number] === deltaOps.delete) begins[r] = i
  }
  return begins
}

/** The last op of each run that says more than `update`. */
function joinOps(ops: Int8Array, order: Int32Array, starts: Int32Array, begins: Int32Array): Int8Array {
  const joined = new Int8Array(begins.length)
  for (let r = 0; r < begins.length; r++) {
    joined[r] = deltaOps.update
    for (let i = begins[r] as number; i < (starts[r + 1] as number); i++) {
      const op = ops[order[i] as number] as number
      if (op !== deltaOps.update) joined[r] = op
    }
  }
  return joined
}

/** The last entry of each run that sets a column; one that leaves it unset, if all do. */
function lastSetters(unset: Uint8Array | undefined, order: Int32Array, starts: Int32Array, begins: Int32Array): Int32Array {
  const setters = new Int32Array(begins.length)
  for (let r = 0; r < begins.length; r++) {
    const begin = begins[r] as number
    let i = (starts[r + 1] as number) - 1
    if (unset !== undefined) while (i > begin && unset[order[i] as number] === 1) i--
    setters[r] = order[i] as number
  }
  return setters
}

/** The entries that say something of life and death, or set one of the columns at `positions`. */
export function entriesThatSay(delta: DeltaSchema, block: RowBlock, positions: readonly number[]): Int32Array {
  const ops = opsOf(block)
  const says = settingFlags(delta, block, positions)
  const kept = new Int32Array(says.length)
  let count = 0
  for (let i = 0; i < says.length; i++) if (says[i] === 1 || ops[i] !== deltaOps.update) kept[count++] = i
  return kept.subarray(0, count)
}
