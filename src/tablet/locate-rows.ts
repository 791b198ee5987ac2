/**
 * Where the rows of many keys are, for writes: which rowset holds each key (at most one does, alive or dead), the row's id
 * there, and whether the row is alive now. Synchronous; what is not in memory is noted in `misses`.
 */
import { type DiskRowSet, notInMemory } from '../rowset/disk-rowset.ts'
import type { LookupMisses } from '../rowset/lookup-misses.ts'
import type { MemRowSet } from '../rowset/mem-rowset.ts'
import type { KeyBlock } from '../schema/column-vector.ts'

/** What holds rows, in memory or on disk. */
export type RowHolder = MemRowSet | DiskRowSet

/** Keys that one rowset holds. */
export interface HeldRows {
  readonly holder: RowHolder
  /** Which keys, ascending, … */
  readonly indexes: Int32Array
  /** … and the ids of their rows. */
  readonly rows: Int32Array
  /** By position in `indexes`: 1 if the row is alive now. */
  readonly alive: Uint8Array
}

export interface LocatedRows {
  readonly held: readonly HeldRows[]
  /** Keys that nobody holds, ascending; undefined: all of them. */
  readonly absent: Int32Array | undefined
}

/** Undefined: `misses` says what must be loaded first. */
export function locateRows(
  stores: readonly MemRowSet[],
  rowsets: readonly DiskRowSet[],
  keys: KeyBlock,
  hashes: Uint32Array,
  misses: LookupMisses,
): LocatedRows | undefined {
  const found = new Int32Array(keys.count).fill(-1)
  const held: HeldRows[] = []
  let left: Int32Array | undefined
  let complete = true
  for (const holder of [...stores, ...rowsets]) {
    if (left?.length === 0) break
    if (!probe(holder, keys, hashes, left, found, misses)) complete = false
    const { there, rows, absent } = split(found, left, keys.count)
    if (there.length > 0) {
      const alive = aliveRows(holder, rows, misses)
      if (alive) held.push({ holder, indexes: there, rows, alive })
      else complete = false
    }
    left = absent
  }
  return complete ? { held, absent: left !== undefined && left.length === keys.count ? undefined : left } : undefined
}

/** Puts the row ids of the selected keys into `found`; false if some could not be told. */
function probe(
  holder: RowHolder,
  keys: KeyBlock,
  hashes: Uint32Array,
  selection: Int32Array | undefined,
  found: Int32Array,
  misses: LookupMisses,
): boolean {
  if ('probe' in holder) return holder.probe(keys, hashes, selection, found, misses) === 0
  const count = selection?.length ?? keys.count
  for (let k = 0; k < count; k++) {
    const i = selection === undefined ? k : (selection[k] as number)
    found[i] = holder.find(keys, i, hashes[i] as number)
  }
  return true
}

/** The selected keys that were found, with their rows, and those that were not: `notInMemory` counts as neither. */
function split(
  found: Int32Array,
  selection: Int32Array | undefined,
  keyCount: number,
): { there: Int32Array; rows: Int32Array; absent: Int32Array } {
  const count = selection?.length ?? keyCount
  const there = new Int32Array(count)
  const rows = new Int32Array(count)
  const absent = new Int32Array(count)
  let thereCount = 0
  let absentCount = 0
  for (let k = 0; k < count; k++) {
    const i = selection === undefined ? k : (selection[k] as number)
    const row = found[i] as number
    if (row >= 0) {
      there[thereCount] = i
      rows[thereCount++] = row
    } else if (row !== notInMemory) absent[absentCount++] = i
  }
  return { there: firstOf(there, thereCount), rows: firstOf(rows, thereCount), absent: firstOf(absent, absentCount) }
}

const none = new Int32Array(0)

/** A copy where there are fewer: a view of a small array costs more than that. */
function firstOf(values: Int32Array, count: number): Int32Array {
  if (count === values.length) return values
  return count === 0 ? none : values.slice(0, count)
}

function aliveRows(holder: RowHolder, rows: Int32Array, misses: LookupMisses): Uint8Array | undefined {
  const alive = new Uint8Array(rows.length).fill(1)
  if (!holder.mayHaveDeadRows) return alive
  let complete = true
  for (let k = 0; k < rows.length; k++) {
    const isAlive = holder.isAliveNow(rows[k] as number, misses)
    if (isAlive === undefined) complete = false
    else if (!isAlive) alive[k] = 0
  }
  return complete ? alive : undefined
}
