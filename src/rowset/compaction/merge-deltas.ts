/**
 * Delta files, each in order of row and time, as one such sequence. In rounds:
 *   1. every cursor whose row group is used up takes its next one
 *   2. entries are taken in order until some group is used up
 *   3. what was taken is put into one block, by columns, and entries that become one are composed
 *   4. the last entry waits for the next round: what follows may become one with it
 * So memory is a row group of each file and what one round makes of them, however many changes a row has.
 */
import type { RowBlock } from '../../schema/column-vector.ts'
import { concatBlocks, gatherBlock, sliceBlock } from '../../schema/vector-ops.ts'
import type { DeltaSchema } from '../delta-schema.ts'
import { type ComposeRule, composeDeltas } from './compose-deltas.ts'
import type { JobFiles } from './job-files.ts'

/** Entries in order of row and time, a block at a time: of a delta file, or of whatever else makes some. */
export interface EntryCursor {
  /** A block of the delta schema; its entries from `at` on are still to come. */
  readonly block: RowBlock
  readonly rows: Int32Array
  readonly times: Float64Array
  at: number
  /** Whether an entry is at hand; else `advance`. */
  readonly isFilled: boolean
  /** Takes the next block, which has entries; false at the end. */
  advance(): Promise<boolean>
}

export class MergedDeltas {
  /** The newest time of which something was left out or composed: readers before it might miss something. */
  forgottenThrough = Number.NEGATIVE_INFINITY
  private readonly files: JobFiles
  private readonly delta: DeltaSchema
  private readonly rule: ComposeRule
  /** Those that are not at their end; where two have an entry of one row and time, the first goes first. */
  private cursors: readonly EntryCursor[]

  /** `cursors`: redo files oldest first. */
  constructor(files: JobFiles, delta: DeltaSchema, cursors: readonly EntryCursor[], rule: ComposeRule) {
    this.files = files
    this.delta = delta
    this.cursors = cursors
    this.rule = rule
  }

  /** The entries as blocks of the delta schema, none of them empty. */
  async *blocks(): AsyncGenerator<RowBlock> {
    let last: RowBlock | undefined
    while (await this.fill()) {
      await this.files.turn()
      const block = this.compose(this.round(last))
      const end = block.rowCount - 1
      // A copy, so that one entry does not keep the arrays of a whole round alive.
      last = end < 0 ? undefined : gatherBlock(block, Int32Array.of(end))
      if (end > 0) yield sliceBlock(block, 0, end)
    }
    if (last !== undefined) yield last
  }

  /** Brings a group of each file to hand; false if all are at their end. */
  private async fill(): Promise<boolean> {
    const left: EntryCursor[] = []
    for (const cursor of this.cursors) if (cursor.isFilled || (await cursor.advance())) left.push(cursor)
    this.cursors = left
    return left.length > 0
  }

  /** Takes entries in order until a group is used up. They lie file by file in one block, behind `last`; `order` puts them right. */
  private round(last: RowBlock | undefined): { block: RowBlock; order: Int32Array } {
    const { cursors } = this
    const starts = cursors.map(({ at }) => at)
    const lanes = takeInOrder(cursors)
    const parts = cursors.map(({ block, at }, lane) => sliceBlock(block, starts[lane] as number, at)).filter(({ rowCount }) => rowCount > 0)
    if (last !== undefined) parts.unshift(last)
    const counts = cursors.map(({ at }, lane) => at - (starts[lane] as number))
    return { block: concatBlocks(parts), order: placesOf(lanes, counts, last?.rowCount ?? 0) }
  }

  private compose({ block, order }: { block: RowBlock; order: Int32Array }): RowBlock {
    const composed = composeDeltas(this.delta, block, order, this.rule)
    this.forgottenThrough = Math.max(this.forgottenThrough, composed.forgottenThrough)
    return composed.block
  }
}

/** Takes entries by row and time until a group is used up: for each the index of its cursor. Hot: runs, not single entries. */
function takeInOrder(cursors: readonly EntryCursor[]): Uint16Array {
  const lanes = new Uint16Array(cursors.reduce((sum, { rows, at }) => sum + rows.length - at, 0))
  let count = 0
  for (;;) {
    let first = 0
    let second = -1
    for (let lane = 1; lane < cursors.length; lane++) {
      if (compareHeads(cursors, lane, first) < 0) {
        second = first
        first = lane
      } else if (second < 0 || compareHeads(cursors, lane, second) < 0) {
        second = lane
      }
    }
    const cursor = cursors[first] as EntryCursor
    do {
      lanes[count++] = first
      cursor.at++
    } while (cursor.isFilled && (second < 0 || precedes(cursors, first, second)))
    if (!cursor.isFilled) return lanes.subarray(0, count)
  }
}

function precedes(cursors: readonly EntryCursor[], a: number, b: number): boolean {
  const order = compareHeads(cursors, a, b)
  return order < 0 || (order === 0 && a < b)
}

/** Compares the entries at hand of two cursors. */
function compareHeads(cursors: readonly EntryCursor[], a: number, b: number): number {
  const one = cursors[a] as EntryCursor
  const other = cursors[b] as EntryCursor
  const rows = (one.rows[one.at] as number) - (other.rows[other.at] as number)
  return rows !== 0 ? rows : (one.times[one.at] as number) - (other.times[other.at] as number)
}

/** Where entries lie when those of each lane follow each other, lane by lane, behind `first` others, which come first. */
function placesOf(lanes: Uint16Array, counts: readonly number[], first: number): Int32Array {
  const next: number[] = []
  let total = first
  for (const count of counts) {
    next.push(total)
    total += count
  }
  const places = new Int32Array(total)
  for (let i = 0; i < first; i++) places[i] = i
  for (let i = 0; i < lanes.length; i++) {
    const lane = lanes[i] as number
    const place = next[lane] as number
    places[first + i] = place
    next[lane] = place + 1
  }
  return places
}
