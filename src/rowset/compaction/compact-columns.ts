/**
 * Major delta compaction. Some columns of one rowset are written anew, with what a run of redo files, which begins at the
 * oldest, says of them. Group by group:
 *   1. of the run, merged, the entries of the group's rows are applied to the columns (`ColumnWalk`)
 *   2. what they overwrote goes to a new undo file, unless nobody can ask for it any more
 *   3. what they say beside these columns (deaths, reinserts, other columns) goes to a new redo file
 *   4. the columns go to a new base file; other columns, keys and filter are copied as they are
 * Row ids stay. A reinsert in the new redo file does not set the columns: base data holds their newest values, and undo what
 * was before. Values of dead rows are written like others: readers before their death see them.
 */
import { invariant } from '../../base/errors.ts'
import type { ColumnSchema, TableSchema } from '../../schema/table-schema.ts'
import { defaultVector } from '../../schema/vector-ops.ts'
import { ColumnRewriter } from '../../sstable/column-rewriter.ts'
import type { SSTableSummary } from '../../sstable/sstable.ts'
import type { SSTableReader } from '../../sstable/sstable-reader.ts'
import type { DeltaFileSummary } from '../delta-file-writer.ts'
import { type DeltaSchema, deltaSchema } from '../delta-schema.ts'
import { ColumnWalk } from './column-walk.ts'
import { DeltaCursor } from './delta-cursor.ts'
import { DeltaOutput } from './delta-output.ts'
import { EntriesByRow } from './entries-by-row.ts'
import { type JobFile, type JobFiles, type JobFilesOptions, type JobTurns, withJobFiles } from './job-files.ts'
import { MergedDeltas } from './merge-deltas.ts'

/** What the job of a major delta compaction is given; plain data. */
export interface CompactColumnsInput extends JobFilesOptions {
  /** The current schema of the table. */
  readonly schema: TableSchema
  /** Base data of the rowset. */
  readonly base: JobFile
  /** A contiguous run of its redo files, oldest first, that begins at the oldest of all. */
  readonly redo: readonly JobFile[]
  /** Ids of the columns to write anew; none of the key. */
  readonly columns: readonly number[]
  /** None of them exists. The delta files are written only if there is something to be written. */
  readonly outputs: {
    readonly base: { readonly path: string }
    readonly redo: { readonly path: string }
    readonly undo: { readonly path: string }
  }
  /** Every read from now on is at this timestamp or later: older history is not kept. */
  readonly horizon: number
  /** Entries of each row group of the delta files but the last. Default: as many as `rowsPerGroupFor` says. */
  readonly deltasPerGroup?: number
}

export interface CompactColumnsOutput {
  /** Takes the place of the base file: the same rows, keys and insert timestamps. */
  readonly base: SSTableSummary
  /** Takes the place of the run of redo files. Undefined: nothing remained, and there is no file. */
  readonly redo: DeltaFileSummary | undefined
  /** Comes to the rowset's undo files. Undefined: nothing that was overwritten can be asked for, and there is no file. */
  readonly undo: DeltaFileSummary | undefined
  /**
   * Reads before this timestamp may miss something from now on: never above the input's horizon; −Infinity: they miss
   * nothing. The edit that installs the files must record a history horizon at least this high.
   */
  readonly forgottenThrough: number
}

/**
 * Rewrites columns of a rowset. The files are synced when it resolves; their directory is not. If it rejects (ABORTED by the
 * signal, DISK_FULL, CORRUPTION of an input, what the file system throws; TypeError for columns that cannot be rewritten), it
 * has removed them. Memory: a row group of each input, and a few of the outputs. Runs on a worker.
 */
export async function compactColumns(input: CompactColumnsInput, turns: JobTurns = {}): Promise<CompactColumnsOutput> {
  const positions = positionsOf(input)
  return withJobFiles(input, turns, async (files) => {
    const { schema, horizon, deltasPerGroup: rowsPerGroup } = input
    const delta = deltaSchema(schema)
    const source = await files.openTable(input.base, schema)
    const cursors: DeltaCursor[] = []
    for (const file of input.redo) cursors.push(await DeltaCursor.open(files, file, delta))
    const merged = new MergedDeltas(files, delta, cursors, { kind: 'redo', horizon })
    const base = new ColumnRewriter(await files.create(input.outputs.base.path), {
      source,
      schema,
      ...(files.codec === undefined ? {} : { codec: files.codec }),
    })
    const redo = new DeltaOutput(files, { path: input.outputs.redo.path, schema, rowsPerGroup })
    const undo = new DeltaOutput(files, { path: input.outputs.undo.path, schema, rowsPerGroup })
    const forgotten = await rewriteGroups({ files, delta, source, merged, base, redo, undo, positions, horizon })
    return { base: await base.finish(), redo: await redo.finish(), undo: await undo.finish(), forgottenThrough: forgotten }
  })
}

function positionsOf({ schema, columns }: CompactColumnsInput): number[] {
  if (columns.length === 0) throw new TypeError('A major delta compaction needs at least one column.')
  return columns.map((id) => {
    const position = schema.columns.findIndex((column) => column.id === id)
    if (position < 0) throw new TypeError(`Table ${schema.name} has no column of id ${id}.`)
    if (schema.keyColumns.includes(position))
      throw new TypeError(`Column ${schema.columns[position]?.name} is part of the key, which never changes.`)
    return position
  })
}

interface Rewriting {
  readonly files: JobFiles
  readonly delta: DeltaSchema
  readonly source: SSTableReader
  readonly merged: MergedDeltas
  readonly base: ColumnRewriter
  readonly redo: DeltaOutput
  readonly undo: DeltaOutput
  readonly positions: readonly number[]
  readonly horizon: number
}

/** Returns what `forgottenThrough` says. */
async function rewriteGroups({ files, delta, source, merged, base, redo, undo, positions, horizon }: Rewriting): Promise<number> {
  const entries = new EntriesByRow(merged.blocks())
  let forgottenThrough = Number.NEGATIVE_INFINITY
  for (let group = 0; group < source.groupCount; group++) {
    await files.turn()
    const firstRow = group * source.rowsPerGroup
    const rowCount = source.groupRowCount(group)
    const load = async (position: number) =>
      source.hasColumn(position)
        ? await source.loadColumn(group, position)
        : defaultVector(delta.base.columns[position] as ColumnSchema, rowCount)
    const walk = new ColumnWalk({ delta, firstRow, positions, horizon, load })
    for (;;) {
      const block = await entries.takeBelow(firstRow + rowCount)
      if (block === undefined) break
      const applied = await walk.apply(block)
      await redo.add(applied.redo)
      await undo.add(applied.undo)
    }
    await base.addGroup(walk.columns)
    forgottenThrough = Math.max(forgottenThrough, walk.forgottenThrough)
  }
  invariant(
    (await entries.takeBelow(Number.POSITIVE_INFINITY)) === undefined,
    `a delta file changes rows that ${source.path} does not have`,
  )
  return Math.max(forgottenThrough, merged.forgottenThrough)
}
