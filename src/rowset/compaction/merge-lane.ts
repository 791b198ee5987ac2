import { invariant } from '../../base/errors.ts'
import type { ColumnVector, KeyBlock, RowBlock } from '../../schema/column-vector.ts'
import { encodeKeys, keysFromBytes } from '../../schema/key-encoding.ts'
import type { TableSchema } from '../../schema/table-schema.ts'
import { BorrowedRooms } from '../../sstable/read-rooms.ts'
import type { SSTableReader } from '../../sstable/sstable-reader.ts'
import { type DeltaSchema, deltaOps } from '../delta-schema.ts'
import { isUnseen } from '../row-history.ts'
import { ColumnWalk } from './column-walk.ts'
import { DeltaCursor } from './delta-cursor.ts'
import { opsOf, rowsOf, timesOf, valuePositions } from './delta-rows.ts'
import { EntriesByRow } from './entries-by-row.ts'
import type { JobFile, JobFiles } from './job-files.ts'
import { LaneHistory } from './lane-history.ts'
import { MergedDeltas } from './merge-deltas.ts'

/** The files of a rowset that is merged with others. */
export interface MergedRowSetFiles {
  readonly base: JobFile
  /** All of its redo files, oldest first: what its DeltaMemStore held is in the last of them. */
  readonly redo: readonly JobFile[]
  /** All of its undo files, in any order. */
  readonly undo: readonly JobFile[]
}

/** A row group of a rowset in its newest state. */
export interface LaneGroup {
  /** The row id of its first row. */
  readonly firstRow: number
  /** Of a dead row, as it was before it died. */
  readonly columns: readonly ColumnVector[]
  readonly timestamps: Float64Array
  /** When each row died; 0: it is alive. Undefined: all are. */
  readonly deaths: Float64Array | undefined
}

/**
 * A rowset on its way into a merge: its rows in key order, group by group, with all redo applied. Its next group is read
 * when the key of that group's first row comes up, so that rowsets of other keys take no memory meanwhile.
 */
export class MergeLane {
  /** Which lane of the merge it is. */
  readonly ordinal: number
  /** What readers may still ask of the past; undefined: nothing. */
  readonly history: LaneHistory | undefined
  /** Keys of the rows at hand; before the group is loaded, that of its first row. */
  keys: KeyBlock
  /** The next row. */
  at = 0
  private readonly schema: TableSchema
  private readonly delta: DeltaSchema
  private readonly base: SSTableReader
  private readonly redo: EntriesByRow | undefined
  private readonly horizon: number
  private loaded: LaneGroup | undefined
  /** What the group at hand lies in. */
  private readonly rooms = new BorrowedRooms()
  private next = 0

  private constructor(o: {
    delta: DeltaSchema
    base: SSTableReader
    redo: EntriesByRow | undefined
    history: LaneHistory | undefined
    horizon: number
    ordinal: number
  }) {
    this.ordinal = o.ordinal
    this.delta = o.delta
    this.schema = o.delta.base
    this.base = o.base
    this.redo = o.redo
    this.history = o.history
    this.horizon = o.horizon
    this.keys = this.firstKey()
  }

  static async open(
    files: JobFiles,
    input: MergedRowSetFiles,
    o: { delta: DeltaSchema; horizon: number; ordinal: number },
  ): Promise<MergeLane> {
    const { delta, horizon, ordinal } = o
    const base = await files.openTable(input.base, delta.base)
    const { redo, undo } = input
    const history = redo.length + undo.length === 0 ? undefined : await LaneHistory.open(files, { delta, base, redo, undo, horizon })
    // Redo is read twice, at two paces: what rows are now must be known before any of them is written, what they were comes behind.
    const cursors: DeltaCursor[] = []
    for (const file of redo) cursors.push(await DeltaCursor.open(files, file, delta))
    const merged = new MergedDeltas(files, delta, cursors, { kind: 'redo', horizon: Number.NEGATIVE_INFINITY })
    const newest = redo.length === 0 ? undefined : new EntriesByRow(merged.blocks())
    return new MergeLane({ delta, base, redo: newest, history, horizon, ordinal })
  }

  get rowCount(): number {
    return this.base.rowCount
  }

  /** The group at hand. */
  get group(): LaneGroup {
    invariant(this.loaded !== undefined, 'a row group was used before it was loaded')
    return this.loaded
  }

  get isLoaded(): boolean {
    return this.loaded !== undefined
  }

  /** Whether every row of the group at hand has been taken. */
  get isUsedUp(): boolean {
    return this.loaded !== undefined && this.at === this.keys.count
  }

  /** Whether nobody sees a row of the group any more. */
  isDropped(index: number): boolean {
    const time = this.group.deaths?.[index] ?? 0
    return time > 0 && isUnseen({ time, op: deltaOps.delete }, this.horizon)
  }

  /** Reads the next group. */
  async load(): Promise<void> {
    const { base, schema } = this
    const group = this.next
    const rowCount = base.groupRowCount(group)
    const firstRow = group * base.rowsPerGroup
    const stored = await base.loadColumns(
      group,
      schema.columns.map((_, position) => position),
      this.rooms,
    )
    const timestamps = await base.loadTimestamps(group)
    this.keys = encodeKeys(schema, { rowCount, columns: stored })
    const { columns, deaths } = await this.newestState(stored, firstRow, rowCount)
    this.loaded = { firstRow, columns, timestamps, deaths }
    this.next++
  }

  /** Lets go of the group at hand, which is used up and of which nobody keeps views; false if it was the last one. */
  leave(): boolean {
    this.loaded = undefined
    this.rooms.giveBack()
    this.at = 0
    if (this.next === this.base.groupCount) return false
    this.keys = this.firstKey()
    return true
  }

  private firstKey(): KeyBlock {
    return keysFromBytes(this.schema, [this.base.firstKeyOf(this.next)])
  }

  private async newestState(
    stored: readonly ColumnVector[],
    firstRow: number,
    rowCount: number,
  ): Promise<Pick<LaneGroup, 'columns' | 'deaths'>> {
    const { redo, delta } = this
    if (redo === undefined) return { columns: stored, deaths: undefined }
    const load = async (position: number) => stored[position] as ColumnVector
    const walk = new ColumnWalk({ delta, firstRow, positions: valuePositions(delta), horizon: Number.POSITIVE_INFINITY, load })
    let deaths: Float64Array | undefined
    for (;;) {
      const entries = await redo.takeBelow(firstRow + rowCount)
      if (entries === undefined) break
      const { redo: lives } = await walk.apply(entries)
      if (lives.rowCount === 0) continue
      deaths ??= new Float64Array(rowCount)
      noteDeaths(deaths, lives, firstRow)
    }
    return { columns: stored.map((column, position) => walk.columns.get(position) ?? column), deaths }
  }
}

/** `lives`: deaths and reinserts, in order of row and time. */
function noteDeaths(deaths: Float64Array, lives: RowBlock, firstRow: number): void {
  const rows = rowsOf(lives)
  const times = timesOf(lives)
  const ops = opsOf(lives)
  for (let i = 0; i < rows.length; i++) deaths[(rows[i] as number) - firstRow] = ops[i] === deltaOps.delete ? (times[i] as number) : 0
}
