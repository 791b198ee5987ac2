/**
 * Merging compaction: the rows of several rowsets become fewer rowsets, in key order and of bounded size.
 *   1. each input is a lane: its row groups with all redo applied (`MergeLane`)
 *   2. rows are taken from the lanes in key order, in runs, until a lane's group is used up or the output's row group is full: a
 *      round. Rows whose death nobody sees any more are left out
 *   3. of the round's rows, what readers may ask of the past goes to the output's undo file, under their new row ids
 *      (`LaneHistory`)
 *   4. a full row group goes to the base file; deaths that somebody still sees go to the redo file
 * Rows stay columns all along. Memory: a row group of each lane whose keys are being merged, a few of each of its delta files,
 * and one of the output.
 */
import { invariant } from '../../base/errors.ts'
import type { ColumnVector, RowBlock } from '../../schema/column-vector.ts'
import { encodeKeys, hashKeys } from '../../schema/key-encoding.ts'
import type { TableSchema } from '../../schema/table-schema.ts'
import { constantVector, gatherVector } from '../../schema/vector-ops.ts'
import { rowsPerGroupFor } from '../../sstable/rows-per-group.ts'
import type { SSTableWriter } from '../../sstable/sstable-writer.ts'
import { type DeltaSchema, deltaOps, deltaPositionOf, deltaPositions, deltaSchema } from '../delta-schema.ts'
import type { FlushedRowSet } from '../flush-rows.ts'
import { BlockCursor } from './block-cursor.ts'
import { DeltaOutput } from './delta-output.ts'
import { rowsOf } from './delta-rows.ts'
import { type JobFiles, type JobFilesOptions, type JobTurns, withJobFiles } from './job-files.ts'
import { KeyMerge } from './key-merge.ts'
import { MergedDeltas } from './merge-deltas.ts'
import { type MergedRowSetFiles, MergeLane } from './merge-lane.ts'
import { type LaneShare, MergedGroup } from './merged-group.ts'

/** The files of one rowset that a merge may write. None of them exists. */
export interface MergeTarget {
  readonly path: string
  readonly undoPath: string
  readonly redoPath: string
}

/** What the job of a merging compaction is given; plain data. */
export interface MergeRowSetsInput extends JobFilesOptions {
  /** The current schema of the table. */
  readonly schema: TableSchema
  /** Rowsets of one tablet: no key is in two of them. */
  readonly inputs: readonly MergedRowSetFiles[]
  /** Every read from now on is at this timestamp or later: older history is not kept. */
  readonly horizon: number
  /** Rows of each rowset but the last. */
  readonly rowsPerOutput: number
  /** A rowset whose base data has come to this many bytes ends there, though it has fewer rows. Default: none does. */
  readonly bytesPerOutputMax?: number
  /**
   * The files to write, in key order: as many as all rows of the inputs need at `rowsPerOutput`, and some more if bytes may end
   * rowsets early; the last takes whatever is left.
   */
  readonly outputs: readonly MergeTarget[]
  /** Rows of each row group but the last, in base and delta files. Default: as many as `rowsPerGroupFor` says. */
  readonly rowsPerGroup?: number
}

export interface MergeRowSetsOutput {
  /**
   * In the files of the first outputs, in their order; row ids in delta files are those of their base file. None if nobody
   * can see any of the rows any more. Every change in the inputs' files is in these, or forgotten: what the inputs' files went through, these do.
   */
  readonly rowsets: readonly FlushedRowSet[]
  /**
   * Reads before this timestamp may miss something from now on: never above the input's horizon; −Infinity: they miss
   * nothing. The edit that installs the files must record a history horizon at least this high.
   */
  readonly forgottenThrough: number
}

/**
 * Merges rowsets. The files are synced when it resolves; their directory is not. If it rejects (ABORTED by the signal, DISK_FULL,
 * CORRUPTION of an input, what the file system throws; TypeError for a key that two inputs have, and for too few outputs), it has
 * removed them. Runs on a worker; it lets the event loop through before every row group.
 */
export function mergeRowSets(input: MergeRowSetsInput, turns: JobTurns = {}): Promise<MergeRowSetsOutput> {
  if (input.inputs.length === 0) throw new TypeError('A merging compaction needs at least one input.')
  if (!(input.rowsPerOutput >= 1)) throw new TypeError('rowsPerOutput must be at least 1.')
  return withJobFiles(input, turns, async (files) => {
    const o = { delta: deltaSchema(input.schema), horizon: input.horizon }
    const lanes: MergeLane[] = []
    for (const rowset of input.inputs) lanes.push(await MergeLane.open(files, rowset, { ...o, ordinal: lanes.length }))
    const rowCount = lanes.reduce((sum, lane) => sum + lane.rowCount, 0)
    const needed = Math.ceil(rowCount / input.rowsPerOutput)
    if (!(needed <= input.outputs.length))
      throw new TypeError(
        `A merge of ${rowCount} rows needs ${needed} outputs of ${input.rowsPerOutput} rows, and was given ${input.outputs.length}.`,
      )
    const merge = new RowSetMerge(files, input, lanes)
    const rowsets = await merge.run()
    const forgotten = lanes.map(({ history }) => history?.forgottenThrough ?? Number.NEGATIVE_INFINITY)
    return { rowsets, forgottenThrough: Math.max(...forgotten) }
  })
}

class RowSetMerge {
  private readonly files: JobFiles
  private readonly input: MergeRowSetsInput
  private readonly delta: DeltaSchema
  private readonly lanes: readonly MergeLane[]
  /** Of the outputs' base data; 0: no row has been seen yet. */
  private rowsPerGroup = 0
  private group = new MergedGroup(0)
  private readonly rowsets: FlushedRowSet[] = []
  private output: MergeOutput | undefined

  constructor(files: JobFiles, input: MergeRowSetsInput, lanes: readonly MergeLane[]) {
    this.files = files
    this.input = input
    this.delta = deltaSchema(input.schema)
    this.lanes = lanes
  }

  async run(): Promise<FlushedRowSet[]> {
    const merge = new KeyMerge(this.lanes)
    for (let lane = merge.first; lane !== undefined; lane = merge.first) {
      if (!lane.isLoaded) {
        await this.files.turn()
        await lane.load()
        if (this.rowsPerGroup === 0) this.begin(lane)
      }
      const last = this.takeRound(merge)
      if (this.room === 0) await this.write()
      if (last.isUsedUp) {
        await this.settle({ isGoingOn: true })
        if (last.leave()) merge.moved()
        else merge.removeFirst()
      }
    }
    if (this.group.rowCount > 0) await this.write()
    await this.finishOutput()
    await this.forgetTheRest()
    return this.rowsets
  }

  /** Row groups of the outputs are as those of the first rows should be. */
  private begin({ group }: MergeLane): void {
    this.rowsPerGroup = this.input.rowsPerGroup ?? rowsPerGroupFor(group.columns)
    this.group = new MergedGroup(this.rowsPerGroup)
  }

  /** Takes rows until a lane is used up or must be loaded, or the group is to be written. Returns the lane that is first then. */
  private takeRound(merge: KeyMerge<MergeLane>): MergeLane {
    let { room } = this
    for (;;) {
      const lane = merge.first as MergeLane
      if (room === 0 || !lane.isLoaded) return lane
      const end = merge.runEnd(room)
      room -= this.group.take(lane, end)
      lane.at = end
      if (lane.isUsedUp) return lane
      merge.moved()
    }
  }

  /** Rows that the group takes before it must be written. */
  private get room(): number {
    const isLast = this.rowsets.length === this.input.outputs.length - 1
    const ofOutput = isLast ? Number.POSITIVE_INFINITY : this.input.rowsPerOutput - (this.output?.rowCount ?? 0) - this.group.rowCount
    return Math.min(this.group.room, ofOutput)
  }

  /** Ends the round: the history of its rows goes to the output. `isGoingOn`: more rows are to come into the group. */
  private async settle({ isGoingOn }: { isGoingOn: boolean }): Promise<void> {
    const { shares, places } = this.group.settle({ isGoingOn })
    let base = 0
    const cursors: BlockCursor[] = []
    for (const share of shares) {
      if (share.lane.history !== undefined) cursors.push(this.historyOf(share, places.subarray(base, base + share.count)))
      base += share.count
    }
    if (cursors.length === 0) return
    const merged = new MergedDeltas(this.files, this.delta, cursors, { kind: 'undo', horizon: Number.NEGATIVE_INFINITY })
    for await (const block of merged.blocks()) await (await this.currentOutput()).undo.add(block)
  }

  /** The undo entries of the rows of a share, under their new row ids. `places`: in the group, of those that are kept. */
  private historyOf({ lane, from, to }: LaneShare, places: Int32Array): BlockCursor {
    const { group, history } = lane
    const firstRow = this.output?.rowCount ?? 0
    const newRows = new Int32Array(to - from).fill(-1)
    for (let i = from, k = 0; i < to; i++) if (!lane.isDropped(i)) newRows[i - from] = firstRow + (places[k++] as number)
    return new BlockCursor(async () => {
      const block = await history?.takeBelow(group.firstRow + to)
      return block && withRows(block, (row) => newRows[row - group.firstRow - from] ?? -1)
    })
  }

  private async write(): Promise<void> {
    await this.settle({ isGoingOn: false })
    await this.files.turn()
    const output = await this.currentOutput()
    await output.addGroup(this.group)
    const { rowsPerOutput, bytesPerOutputMax = Number.POSITIVE_INFINITY, outputs } = this.input
    const isFull = output.rowCount >= rowsPerOutput || output.sizeBytes >= bytesPerOutputMax
    if (isFull && this.rowsets.length < outputs.length - 1) await this.finishOutput()
  }

  private async currentOutput(): Promise<MergeOutput> {
    const { rowsPerGroup, delta } = this
    this.output ??= await MergeOutput.create(this.files, {
      delta,
      target: this.input.outputs[this.rowsets.length] as MergeTarget,
      rowsPerGroup,
      deltasPerGroup: this.input.rowsPerGroup,
    })
    return this.output
  }

  private async finishOutput(): Promise<void> {
    if (this.output !== undefined) this.rowsets.push(await this.output.finish())
    this.output = undefined
  }

  /** History behind the last rows must be of rows that were dropped: there is none, but what was left out is counted. */
  private async forgetTheRest(): Promise<void> {
    for (const { history } of this.lanes)
      invariant(
        (await history?.takeBelow(Number.POSITIVE_INFINITY)) === undefined,
        'a delta file changes rows that its rowset does not have',
      )
  }
}

/** One rowset that is written. */
class MergeOutput {
  readonly undo: DeltaOutput
  private readonly delta: DeltaSchema
  private readonly base: SSTableWriter
  private readonly redo: DeltaOutput

  private constructor(o: { delta: DeltaSchema; base: SSTableWriter; undo: DeltaOutput; redo: DeltaOutput }) {
    this.delta = o.delta
    this.base = o.base
    this.undo = o.undo
    this.redo = o.redo
  }

  static async create(
    files: JobFiles,
    o: { delta: DeltaSchema; target: MergeTarget; rowsPerGroup: number; deltasPerGroup: number | undefined },
  ): Promise<MergeOutput> {
    const { delta, target, rowsPerGroup, deltasPerGroup } = o
    const schema = delta.base
    const base = await files.createTable(target.path, { schema, rowsPerGroup })
    const undo = new DeltaOutput(files, { path: target.undoPath, schema, rowsPerGroup: deltasPerGroup })
    const redo = new DeltaOutput(files, { path: target.redoPath, schema, rowsPerGroup: deltasPerGroup })
    return new MergeOutput({ delta, base, undo, redo })
  }

  /** Rows of the groups that were added. */
  get rowCount(): number {
    return this.base.rows
  }

  get sizeBytes(): number {
    return this.base.sizeBytes
  }

  async addGroup(group: MergedGroup): Promise<void> {
    const firstRow = this.rowCount
    const { rowCount, columns, timestamps, dead } = group.gather()
    const rows = { rowCount, columns }
    const keys = encodeKeys(this.delta.base, rows)
    await this.base.addGroup({ rows, keys, hashes: hashKeys(keys), timestamps })
    if (dead.places.length > 0) await this.redo.add(this.deathsOf(rows, dead.places, dead.times, firstRow))
  }

  async finish(): Promise<FlushedRowSet> {
    return { base: await this.base.finish(), undo: await this.undo.finish(), redo: await this.redo.finish() }
  }

  private deathsOf(group: RowBlock, places: Int32Array, times: Float64Array, firstRow: number): RowBlock {
    const { base, schema } = this.delta
    const length = places.length
    const columns = schema.columns.map((column): ColumnVector => constantVector(column, null, length))
    const ops = new Int8Array(length).fill(deltaOps.delete)
    columns[deltaPositions.row] = { form: 'fixed', length, values: places.map((place) => firstRow + place), nulls: undefined }
    columns[deltaPositions.time] = { form: 'fixed', length, values: times, nulls: undefined }
    columns[deltaPositions.op] = { form: 'fixed', length, values: ops, nulls: undefined }
    for (const position of base.keyColumns)
      columns[deltaPositionOf(position)] = gatherVector(group.columns[position] as ColumnVector, places)
    return { rowCount: length, columns }
  }
}

/** A block of the delta schema with other row ids. */
function withRows(block: RowBlock, newRow: (row: number) => number): RowBlock {
  const rows = rowsOf(block)
  const values = new Int32Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const row = newRow(rows[i] as number)
    invariant(row >= 0, 'a row has a history that readers may see, and is not written')
    values[i] = row
  }
  const renumbered: ColumnVector = { form: 'fixed', length: values.length, values, nulls: undefined }
  return { ...block, columns: block.columns.map((column, position) => (position === deltaPositions.row ? renumbered : column)) }
}
