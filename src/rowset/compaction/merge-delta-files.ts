import type { TableSchema } from '../../schema/table-schema.ts'
import type { DeltaFileSummary } from '../delta-file-writer.ts'
import { deltaSchema } from '../delta-schema.ts'
import { DeltaCursor } from './delta-cursor.ts'
import { DeltaOutput } from './delta-output.ts'
import { type JobFile, type JobFilesOptions, type JobTurns, withJobFiles } from './job-files.ts'
import { MergedDeltas } from './merge-deltas.ts'

/** Minor delta compaction: what its job is given; plain data. */
export interface MergeDeltaFilesInput extends JobFilesOptions {
  /** The current schema of the table whose rows change. */
  readonly schema: TableSchema
  readonly kind: 'redo' | 'undo'
  /** Delta files of one rowset and kind. Redo: a contiguous run of its files, oldest first. */
  readonly inputs: readonly JobFile[]
  /** Does not exist. */
  readonly output: { readonly path: string }
  /** Every read from now on is at this timestamp or later: older history need not be told apart. */
  readonly horizon: number
  /** Entries of each row group but the last. Default: as many as `rowsPerGroupFor` says. */
  readonly rowsPerGroup?: number
}

export interface MergeDeltaFilesOutput {
  /** The file that replaces the inputs. Undefined: nothing was left to write, and there is none. */
  readonly file: DeltaFileSummary | undefined
  /**
   * Reads before this timestamp may miss something from now on: never above the input's horizon; −Infinity: they miss
   * nothing. The edit that installs the file must record a history horizon at least this high.
   */
  readonly forgottenThrough: number
}

/**
 * Merges delta files into one: the same changes in order of row and time, in the current schema, without what no reader at
 * the horizon or later can tell apart (see `composeDeltas`). The file is synced when it resolves; its directory is not.
 * If it rejects (ABORTED by the signal, DISK_FULL, CORRUPTION of an input, what the file system throws), it has removed
 * the file. Memory: a row group of each input and a few of the output. Runs on a worker.
 */
export function mergeDeltaFiles(input: MergeDeltaFilesInput, turns: JobTurns = {}): Promise<MergeDeltaFilesOutput> {
  if (input.inputs.length === 0) throw new TypeError('A delta compaction needs at least one input file.')
  return withJobFiles(input, turns, async (files) => {
    const { schema, kind, horizon, rowsPerGroup } = input
    const delta = deltaSchema(schema)
    const cursors: DeltaCursor[] = []
    for (const file of input.inputs) cursors.push(await DeltaCursor.open(files, file, delta))
    const merged = new MergedDeltas(files, delta, cursors, { kind, horizon })
    const output = new DeltaOutput(files, { path: input.output.path, schema, rowsPerGroup })
    for await (const block of merged.blocks()) await output.add(block)
    return { file: await output.finish(), forgottenThrough: merged.forgottenThrough }
  })
}
