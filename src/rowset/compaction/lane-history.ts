/**
 * What readers at the horizon H or later may still ask of the past of a rowset's rows, once its base data is the newest
 * state: undo entries, by the rowset's row ids, in order of row and time. They come from two sides, and are merged:
 *   its undo files   entries with time > H, as they are
 *   its redo files   each entry with time > H, turned round (`ColumnWalk` knows the values before it):
 *     update           the old values of the columns that it sets
 *     live             that there was no row (`delete`), with the old values of what it sets: those from before the death
 *     delete           that there was one (`live`); the last entry of a row that is dead stays a redo, and is none here
 * Of one column, and of life and death, undo files speak of the time before the redo files do. So the two sides set apart
 * columns where they speak of one row and time, and become one entry there.
 *
 * Nothing is kept of the past but a few blocks, so that a row of a million changes takes no more memory than one of two.
 */
import type { ColumnVector, RowBlock } from '../../schema/column-vector.ts'
import type { ColumnSchema } from '../../schema/table-schema.ts'
import { concatBlocks, defaultVector, gatherBlock, sliceBlock } from '../../schema/vector-ops.ts'
import type { SSTableReader } from '../../sstable/sstable-reader.ts'
import { type DeltaSchema, deltaOps, deltaPositions } from '../delta-schema.ts'
import { countBelow } from '../file-delta-run.ts'
import { BlockCursor } from './block-cursor.ts'
import { ColumnWalk } from './column-walk.ts'
import { DeltaCursor } from './delta-cursor.ts'
import { opsOf, rowsOf, timesOf, valuePositions } from './delta-rows.ts'
import { EntriesByRow } from './entries-by-row.ts'
import type { JobFile, JobFiles } from './job-files.ts'
import { type EntryCursor, MergedDeltas } from './merge-deltas.ts'

export interface LaneHistoryOptions {
  readonly delta: DeltaSchema
  /** Base data of the rowset. */
  readonly base: SSTableReader
  readonly undo: readonly JobFile[]
  /** Oldest first. */
  readonly redo: readonly JobFile[]
  readonly horizon: number
}

export class LaneHistory {
  private readonly undo: readonly DeltaCursor[]
  private readonly redo: UndoOfRedo | undefined
  private readonly merged: MergedDeltas
  private readonly entries: EntriesByRow

  private constructor(files: JobFiles, { delta, horizon }: LaneHistoryOptions, undo: readonly DeltaCursor[], redo: UndoOfRedo | undefined) {
    this.undo = undo
    this.redo = redo
    const cursors: EntryCursor[] = [...undo]
    if (redo !== undefined) cursors.push(cursorOf(redo.blocks()))
    this.merged = new MergedDeltas(files, delta, cursors, { kind: 'undo', horizon })
    this.entries = new EntriesByRow(this.merged.blocks())
  }

  static async open(files: JobFiles, o: LaneHistoryOptions): Promise<LaneHistory> {
    const undo: DeltaCursor[] = []
    for (const file of o.undo) undo.push(await DeltaCursor.open(files, file, o.delta, { after: o.horizon }))
    const redo: DeltaCursor[] = []
    for (const file of o.redo) redo.push(await DeltaCursor.open(files, file, o.delta))
    return new LaneHistory(files, o, undo, redo.length === 0 ? undefined : new UndoOfRedo(files, o, redo))
  }

  /** The next undo entries, of rows below `row`; undefined if there are none. */
  takeBelow(row: number): Promise<RowBlock | undefined> {
    return this.entries.takeBelow(row)
  }

  /** The newest time of which something was left out so far: readers before it miss something. −Infinity: nothing was. */
  get forgottenThrough(): number {
    const { merged, redo, undo } = this
    return Math.max(merged.forgottenThrough, redo?.forgottenThrough ?? Number.NEGATIVE_INFINITY, ...undo.map((file) => file.skippedThrough))
  }
}

function cursorOf(blocks: AsyncGenerator<RowBlock>): EntryCursor {
  return new BlockCursor(async () => {
    const next = await blocks.next()
    return next.done === true ? undefined : next.value
  })
}

/** Redo entries turned round. */
class UndoOfRedo {
  forgottenThrough = Number.NEGATIVE_INFINITY
  private readonly o: LaneHistoryOptions
  private readonly merged: MergedDeltas
  private readonly positions: readonly number[]
  private walk: ColumnWalk | undefined
  /** The row group that `walk` goes through. */
  private group = -1

  constructor(files: JobFiles, o: LaneHistoryOptions, redo: readonly DeltaCursor[]) {
    this.o = o
    this.positions = valuePositions(o.delta)
    this.merged = new MergedDeltas(files, o.delta, redo, { kind: 'redo', horizon: o.horizon })
  }

  async *blocks(): AsyncGenerator<RowBlock> {
    let block: RowBlock | undefined
    for await (const following of this.merged.blocks()) {
      if (block !== undefined) yield* this.turnRound(block, rowsOf(following)[0])
      block = following
    }
    if (block !== undefined) yield* this.turnRound(block, undefined)
    this.forgottenThrough = Math.max(this.forgottenThrough, this.merged.forgottenThrough)
  }

  /** `next`: the row of the first entry behind the block. */
  private async *turnRound(block: RowBlock, next: number | undefined): AsyncGenerator<RowBlock> {
    const rows = rowsOf(block)
    this.noteForgotten(timesOf(block))
    for (let from = 0; from < block.rowCount; ) {
      const walk = this.walkAt(rows[from] as number)
      const end = countBelow(rows, (this.group + 1) * this.o.base.rowsPerGroup)
      const { undo, redo } = await walk.apply(sliceBlock(block, from, end))
      const lives = this.livesAndDeaths(redo, next)
      yield lives.rowCount === 0 ? undo : interleave(undo, lives)
      from = end
    }
  }

  private noteForgotten(times: Float64Array): void {
    const { horizon } = this.o
    for (let i = 0; i < times.length; i++) {
      const time = times[i] as number
      if (time <= horizon && time > this.forgottenThrough) this.forgottenThrough = time
    }
  }

  private walkAt(row: number): ColumnWalk {
    const { delta, base, horizon } = this.o
    const group = Math.floor(row / base.rowsPerGroup)
    if (this.walk !== undefined && this.group === group) return this.walk
    const load = async (position: number) =>
      base.hasColumn(position)
        ? await base.loadColumn(group, position)
        : defaultVector(delta.base.columns[position] as ColumnSchema, base.groupRowCount(group))
    this.group = group
    this.walk = new ColumnWalk({ delta, firstRow: group * base.rowsPerGroup, positions: this.positions, horizon, load })
    return this.walk
  }

  /** Of entries that set nothing (any more), the undo of deaths and reinserts. `next`: the row of what comes behind the block. */
  private livesAndDeaths(redo: RowBlock, next: number | undefined): RowBlock {
    const rows = rowsOf(redo)
    const times = timesOf(redo)
    const ops = opsOf(redo)
    const kept = new Int32Array(redo.rowCount)
    let count = 0
    for (let i = 0; i < kept.length; i++) {
      const isLast = rows[i] !== (i + 1 < kept.length ? rows[i + 1] : next)
      if ((times[i] as number) > this.o.horizon && !(isLast && ops[i] === deltaOps.delete)) kept[count++] = i
    }
    const { rowCount, columns } = gatherBlock(redo, kept.subarray(0, count))
    const turned = opsOf({ rowCount, columns }).map((op) => (op === deltaOps.live ? deltaOps.delete : deltaOps.live))
    const turnedOps: ColumnVector = { form: 'fixed', length: rowCount, values: turned, nulls: undefined }
    return { rowCount, columns: columns.map((column, position) => (position === deltaPositions.op ? turnedOps : column)) }
  }
}

/** Two blocks in one order of row and time; where both have an entry of one row and time, that of `a` goes first. */
function interleave(a: RowBlock, b: RowBlock): RowBlock {
  if (a.rowCount === 0) return b
  const order = new Int32Array(a.rowCount + b.rowCount)
  const block = concatBlocks([a, b])
  const rows = rowsOf(block)
  const times = timesOf(block)
  for (let k = 0, i = 0, j = a.rowCount; k < order.length; k++) {
    const isB =
      i === a.rowCount ||
      (j < order.length &&
        ((rows[j] as number) < (rows[i] as number) || (rows[j] === rows[i] && (times[j] as number) < (times[i] as number))))
    order[k] = isB ? j++ : i++
  }
  return gatherBlock(block, order)
}
