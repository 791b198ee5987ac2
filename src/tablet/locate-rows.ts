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
    const { there, absent } = split(found, left, keys.count)
    if (there.length > 0) {
      const rows = there.map((i) => found[i] as number)
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

/** The selected keys that were found, and those that were not: `notInMemory` counts as neither. */
function split(found: Int32Array, selection: Int32Array | undefined, count: number): { there: Int32Array; absent: Int32Array } {
  const looked = selection ?? Int32Array.from({ length: count }, (_, i) => i)
  return {
    there: looked.filter((i) => (found[i] as number) >= 0),
    absent: looked.filter((i) => (found[i] as number) < 0 && found[i] !== notInMemory),
  }
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
