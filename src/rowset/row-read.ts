/** Reads of single rows through deltas, and what writes ask of a row before they change it. */
import type { ColumnVector } from '../schema/column-vector.ts'
import type { ColumnValue, TableSchema } from '../schema/table-schema.ts'
import { deltaOps } from './delta-schema.ts'
import type { DeltaStack } from './delta-stack.ts'
import type { LookupMisses } from './lookup-misses.ts'
import type { DeltaSource } from './row-changes.ts'
import { fromBase, RowOverlay, rowRun } from './row-overlay.ts'

/** A read of one row of a rowset: what it wants, and where its answer goes. Used again and again, by one read at a time. */
export interface RowRead {
  timestamp: number
  misses: LookupMisses
  readonly positions: readonly number[]
  /** The answer as values, as long as `positions`, if `index` is `asValues`; … */
  readonly values: ColumnValue[]
  /** … else as columns, … */
  readonly vectors: ColumnVector[]
  /** … and the row's index in all of them, or `asValues`, or `eachItsOwn`: … */
  index: number
  /** … for each of the columns its own. */
  readonly indexes: number[]
}

export const asValues = -1
export const eachItsOwn = -2

/** A rowset's base data as a read through deltas meets it. */
export interface OverlaidRows {
  readonly schema: TableSchema
  readonly deltas: DeltaStack
  /** Puts columns of a row, and its index in each, into the lists, to their end; false: `misses` says what lacks. */
  readBase(row: number, positions: readonly number[], vectors: ColumnVector[], indexes: number[], misses: LookupMisses): boolean
}

/**
 * Puts a row, with its changes up to the read's timestamp, where the read says: `index` becomes `eachItsOwn`; of a row
 * without any it is left alone, and `'unchanged'` returned. False: the row is dead; undefined: the read's `misses` knows what to load.
 */
export function readChanged(rowset: OverlaidRows, row: number, read: RowRead): boolean | 'unchanged' | undefined {
  const { positions, timestamp, misses } = read
  if (!mayDiffer(rowset.deltas, row, timestamp)) return 'unchanged'
  const overlay = new RowOverlay({ schema: rowset.schema, row, timestamp, positions, misses })
  const alive = overlay.resolve(rowset.deltas)
  if (!alive) return alive
  if (!overlay.isChanged) return 'unchanged'
  const unchanged = positions.filter((_, i) => overlay.indexes[i] === fromBase)
  const vectors: ColumnVector[] = []
  const indexes: number[] = []
  if (unchanged.length > 0 && !rowset.readBase(row, unchanged, vectors, indexes, misses)) return undefined
  for (let i = 0, b = 0; i < positions.length; i++) {
    const isBase = overlay.indexes[i] === fromBase
    read.vectors[i] = (isBase ? vectors[b] : overlay.vectors[i]) as ColumnVector
    read.indexes[i] = (isBase ? indexes[b] : overlay.indexes[i]) as number
    if (isBase) b++
  }
  read.index = eachItsOwn
  return true
}

/** Whether a read of a row at a timestamp may differ from the base data, as far as memory tells at little cost. */
function mayDiffer({ redo, undo }: DeltaStack, row: number, timestamp: number): boolean {
  for (const source of redo) if (source.minTime <= timestamp && source.mayChange(row)) return true
  for (const source of undo) if (source.maxTime > timestamp && source.mayChange(row)) return true
  return false
}

/** Whether a row is alive in the newest state; undefined: `misses` says why it cannot be told. Of rows that never die, costs next to nothing. */
export function isAliveNow(stack: DeltaStack, row: number, misses: LookupMisses): boolean | undefined {
  let newest = Number.NEGATIVE_INFINITY
  let isAlive = true
  let isComplete = true
  const say = (time: number, op: number) => {
    if (time < newest) return
    newest = time
    isAlive = op !== deltaOps.delete
  }
  for (let i = stack.redo.length - 1; i >= 0; i--) {
    const source = stack.redo[i] as DeltaSource
    const store = stack.stores[i]
    // What is updated is alive: a source of mere updates says nothing new, nor does one that is older throughout.
    if (!source.mayKill || source.maxTime < newest || !source.mayChange(row)) continue
    if (store !== undefined) {
      const change = store.latestOf(row)
      say(store.timeOf(change), store.opOf(change))
      continue
    }
    const run = rowRun(stack, source, row, [], misses)
    if (run === undefined) isComplete = false
    else for (let k = 0; k < run.count; k++) say(run.times[k] as number, run.ops[k] as number)
  }
  return isComplete ? isAlive : undefined
}

/** The commit timestamp of the newest change of a row, which was inserted at `insertedAt`; undefined: `misses` says what lacks. */
export function newestChangeTime(stack: DeltaStack, row: number, insertedAt: number, misses: LookupMisses): number | undefined {
  let newest = insertedAt
  let isComplete = true
  const readFile = (source: DeltaSource) => {
    if (source.maxTime <= newest || !source.mayChange(row)) return
    const run = rowRun(stack, source, row, [], misses)
    if (run === undefined) isComplete = false
    else for (let k = 0; k < run.count; k++) newest = Math.max(newest, run.times[k] as number)
  }
  for (let i = stack.redo.length - 1; i >= 0; i--) {
    const store = stack.stores[i]
    if (store === undefined) {
      readFile(stack.redo[i] as DeltaSource)
      continue
    }
    const change = store.latestOf(row)
    if (change >= 0) newest = Math.max(newest, store.timeOf(change))
  }
  for (const source of stack.undo) readFile(source)
  return isComplete ? newest : undefined
}
