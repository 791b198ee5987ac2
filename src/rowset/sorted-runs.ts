import { invariant } from '../base/errors.ts'
import { nextTurn } from '../base/event-loop-gate.ts'
import type { KeyRange } from './batch-source.ts'
import type { MemRows } from './mem-rows.ts'
import { sortRows, sortRowsInSlices } from './sort-rows.ts'

/** The rows `[from .. to)` of a MemRowSet, in key order. Immutable. */
export interface SortedRun {
  readonly from: number
  readonly to: number
  readonly ids: Int32Array
}

/** What can be kept alive by its users. */
export interface Retained {
  retain(): void
  release(): void
}

/** A part of a run: `ids[low .. high)`. */
export interface RunPart {
  readonly ids: Int32Array
  readonly low: number
  readonly high: number
}

/**
 * Key order over a store that keeps its rows as they come. Runs cover the rows from the first one on. New rows become a
 * run of their own, together with every run before that is less than twice as long: so there are few runs, and a row is
 * sorted again a logarithmic number of times.
 */
export class SortedRuns {
  private readonly rows: MemRows
  private readonly owner: Retained
  private readonly runs: SortedRun[] = []
  private sorting: Promise<void> | undefined

  /** `owner` keeps the rows' memory; it is held while sorting. */
  constructor(rows: MemRows, owner: Retained) {
    this.rows = rows
    this.owner = owner
  }

  /** Rows that some run holds. */
  get coveredRows(): number {
    return this.runs.at(-1)?.to ?? 0
  }

  /** Bytes of plain memory. */
  get usedBytes(): number {
    return this.coveredRows * 4
  }

  /** The runs as they are; later work leaves the list alone. */
  current(): readonly SortedRun[] {
    return [...this.runs]
  }

  /** Covers the first `rowCount` rows, letting the event loop through every few milliseconds; undefined: they are covered. */
  cover(rowCount: number): Promise<void> | undefined {
    if (rowCount <= this.coveredRows) return undefined
    return this.coverInTurn(rowCount)
  }

  /** As `cover`, blocking. */
  coverSync(rowCount: number): void {
    if (rowCount <= this.coveredRows) return
    const from = this.firstToSort(rowCount)
    this.install({ from, to: rowCount, ids: sortRows(this.rows, from, rowCount) })
  }

  private async coverInTurn(rowCount: number): Promise<void> {
    while (this.coveredRows < rowCount) {
      // Cleared afterwards, not within: a sort that is done in one slice is done before it is noted here.
      this.sorting ??= this.sortTail().finally(() => {
        this.sorting = undefined
      })
      await this.sorting
    }
  }

  private async sortTail(): Promise<void> {
    const to = this.rows.rowCount
    const from = this.firstToSort(to)
    this.owner.retain()
    try {
      const work = sortRowsInSlices(this.rows, from, to)
      let step = work.next()
      while (!step.done) {
        await nextTurn()
        step = work.next()
      }
      if (this.coveredRows < to) this.install({ from, to, ids: step.value })
    } finally {
      this.owner.release()
    }
  }

  /** Where the run must begin that takes the rows up to `to`. */
  private firstToSort(to: number): number {
    let from = this.coveredRows
    for (let i = this.runs.length - 1; i >= 0; i--) {
      const run = this.runs[i] as SortedRun
      if (run.to - run.from >= 2 * (to - from)) break
      from = run.from
    }
    return from
  }

  /**
   * Replaces the runs from the new one's first row on. That is where a run begins, even if others were installed since
   * it was worked out: one that ends earlier begins no earlier, so the border is still there.
   */
  private install(run: SortedRun): void {
    while ((this.runs.at(-1)?.to ?? 0) > run.from) this.runs.pop()
    invariant(this.coveredRows === run.from, 'a sorted run begins where another one ends')
    this.runs.push(run)
  }
}

/** The part of each run whose keys lie in a range; empty ones left out. */
export function partsInRange(rows: MemRows, runs: readonly SortedRun[], range: KeyRange): RunPart[] {
  const parts: RunPart[] = []
  for (const { ids } of runs) {
    const low = range.lower === undefined ? 0 : firstAtOrAbove(rows, ids, range.lower)
    const high = range.upper === undefined ? ids.length : firstAtOrAbove(rows, ids, range.upper)
    if (low < high) parts.push({ ids, low, high })
  }
  return parts
}

function firstAtOrAbove(rows: MemRows, ids: Int32Array, bound: Uint8Array): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows.compareRowToBytes(ids[middle] as number, bound) < 0) low = middle + 1
    else high = middle
  }
  return low
}
