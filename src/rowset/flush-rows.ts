import type { ColumnVector } from '../schema/column-vector.ts'
import { hashKeys } from '../schema/key-encoding.ts'
import { rowsPerGroupFor } from '../sstable/rows-per-group.ts'
import type { SSTableSummary } from '../sstable/sstable.ts'
import { ChangedRows } from './changed-rows.ts'
import { ChangeOutput } from './compaction/change-output.ts'
import { type JobFiles, type JobFilesOptions, withJobFiles } from './compaction/job-files.ts'
import type { DeltaFileSummary } from './delta-file-writer.ts'
import { RowGather } from './mem-gather.ts'
import { MemHistories } from './mem-histories.ts'
import { type FrozenMemRowSet, MemRows } from './mem-rows.ts'
import { sortRows } from './sort-rows.ts'

/** The files of one rowset that a flush may write. None of them exists. */
export interface FlushTarget {
  readonly path: string
  /** Its delta files, for a flush of rows that have changed. */
  readonly undoPath?: string
  readonly redoPath?: string
}

/** What a flush job is given: plain data over shared memory. */
export interface FlushInput extends JobFilesOptions {
  readonly frozen: FrozenMemRowSet
  /** Changes of the rows, by their row ids: a frozen DeltaMemStore. Default: none. */
  readonly changes?: FrozenMemRowSet
  /** Every read from now on is at this timestamp or later: older history of rows that changed need not be told apart. Default: 0. */
  readonly horizon?: number
  /** Rows of each SSTable but the last. */
  readonly rowsPerOutput: number
  /** The files to write, in key order: as many as all rows need, or more. */
  readonly outputs: readonly FlushTarget[]
  /** Rows of each row group but the last. Default: as many as `rowsPerGroupFor` says. */
  readonly rowsPerGroup?: number
}

/** A rowset that was written; undefined where there was nothing to write, and there is no file. */
export interface FlushedRowSet {
  readonly base: SSTableSummary
  readonly undo: DeltaFileSummary | undefined
  readonly redo: DeltaFileSummary | undefined
}

export interface FlushOutput {
  /** In the files of the first outputs, in their order. None if nobody can see any of the rows any more. */
  readonly rowsets: readonly FlushedRowSet[]
  /**
   * Reads before this timestamp may miss something from now on: never above the input's horizon; −Infinity: they miss
   * nothing. The edit that installs the files must record a history horizon at least this high.
   */
  readonly forgottenThrough: number
}

/**
 * Sorts the frozen rows by key and writes them to SSTables, in their newest state; what they were before goes to an undo
 * file, the deaths of dead rows that somebody may still see to a redo file. Dead rows that nobody sees are left out, so that
 * row ids in delta files are known only here. All files are synced when it resolves; their directory is not. If it rejects
 * (ABORTED by the signal, DISK_FULL, what the file system throws), it has removed its files. Runs on a worker: it sorts
 * without letting the event loop through, and lets it through before every row group.
 */
export async function flushRows(input: FlushInput, signal?: AbortSignal): Promise<FlushOutput> {
  const rows = MemRows.thaw(input.frozen)
  const needed = Math.ceil(rows.rowCount / input.rowsPerOutput)
  if (!(needed <= input.outputs.length))
    throw new TypeError(
      `A flush of ${rows.rowCount} rows needs ${needed} outputs of ${input.rowsPerOutput} rows, and was given ${input.outputs.length}.`,
    )
  return withJobFiles(input, { signal }, async (files) => {
    const all = sortRows(rows, 0, rows.rowCount)
    const histories = input.changes && new MemHistories(rows, input.changes, input.horizon ?? 0)
    const ids = histories === undefined ? all : histories.seenOf(all)
    const rowsets: FlushedRowSet[] = []
    for (let from = 0; from < ids.length; from += input.rowsPerOutput) {
      const target = input.outputs[rowsets.length] as FlushTarget
      const flush = new RowSetFlush(files, { ...input, rows, histories, target })
      rowsets.push(await flush.write(ids.subarray(from, from + input.rowsPerOutput)))
    }
    return { rowsets, forgottenThrough: histories?.forgottenThrough ?? Number.NEGATIVE_INFINITY }
  })
}

interface RowSetFlushOptions {
  readonly rows: MemRows
  readonly histories: MemHistories | undefined
  readonly target: FlushTarget
  readonly rowsPerGroup?: number
}

/** Writes one rowset. */
class RowSetFlush {
  private readonly files: JobFiles
  private readonly o: RowSetFlushOptions
  private readonly undo: ChangeOutput
  private readonly redo: ChangeOutput

  constructor(files: JobFiles, o: RowSetFlushOptions) {
    this.files = files
    this.o = o
    const { schema } = o.rows
    const { undoPath, redoPath } = o.target
    this.undo = new ChangeOutput(files, { path: undoPath, schema, rowsPerGroup: o.rowsPerGroup })
    this.redo = new ChangeOutput(files, { path: redoPath, schema, rowsPerGroup: o.rowsPerGroup })
  }

  /** The rows of a list, which is in key order. */
  async write(ids: Int32Array): Promise<FlushedRowSet> {
    const { rows, histories, target, rowsPerGroup = rowsPerGroupFor(someOf(rows, ids)) } = this.o
    const { schema } = rows
    const writer = await this.files.createTable(target.path, { schema, rowsPerGroup })
    for (let from = 0; from < ids.length; from += rowsPerGroup) {
      await this.files.turn()
      const group = ids.subarray(from, from + rowsPerGroup)
      const gather = new RowGather(rows, group, 0, group.length)
      const keys = gather.keys()
      const changed = histories && ChangedRows.among(schema, group, histories)
      const columns = schema.columns.map((_, position) => {
        const column = gather.column(position)
        return changed === undefined ? column : changed.patch(position, column)
      })
      const timestamps = gather.timestamps()
      if (changed !== undefined) {
        changed.patchTimestamps(timestamps)
        await this.undo.add(changed.entries('undo', from))
        await this.redo.add(changed.entries('redo', from))
      }
      await writer.addGroup({ rows: { rowCount: group.length, columns }, keys, hashes: hashKeys(keys), timestamps })
    }
    return { base: await writer.finish(), undo: await this.undo.finish(), redo: await this.redo.finish() }
  }
}

/** Enough to know how wide rows are. */
const sampledRows = 1024

/** Some of the rows of a list, from all over it. */
function someOf(rows: MemRows, ids: Int32Array): ColumnVector[] {
  const step = Math.max(1, Math.floor(ids.length / sampledRows))
  const some = Int32Array.from({ length: Math.ceil(ids.length / step) }, (_, i) => ids[i * step] as number)
  const gather = new RowGather(rows, some, 0, some.length)
  return rows.schema.columns.map((_, position) => gather.column(position))
}
