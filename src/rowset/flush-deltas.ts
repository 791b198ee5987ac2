import type { TableSchema } from '../schema/table-schema.ts'
import { defaultRowsPerGroup } from '../sstable/sstable.ts'
import { type JobFilesOptions, withJobFiles } from './compaction/job-files.ts'
import { type DeltaFileSummary, DeltaFileWriter } from './delta-file-writer.ts'
import { RowGather } from './mem-gather.ts'
import { type FrozenMemRowSet, MemRows } from './mem-rows.ts'
import { sortRows } from './sort-rows.ts'

/** What the job that flushes a DeltaMemStore is given: plain data over shared memory. */
export interface FlushDeltasInput extends JobFilesOptions {
  /** The table whose rows changed. */
  readonly schema: TableSchema
  /** A frozen DeltaMemStore, which holds some change. */
  readonly frozen: FrozenMemRowSet
  /** Does not exist. */
  readonly output: { readonly path: string }
  /** Changes of each row group but the last. Default: as many as `rowsPerGroupFor` says. */
  readonly rowsPerGroup?: number
}

/**
 * Sorts the frozen changes by row and time and writes all of them to one delta file, which is synced when it resolves; its
 * directory is not. If it rejects (ABORTED by the signal, DISK_FULL, what the file system throws), it has removed the file.
 * Runs on a worker: it sorts without letting the event loop through, and lets it through before every row group.
 */
export function flushDeltas(input: FlushDeltasInput, signal?: AbortSignal): Promise<DeltaFileSummary> {
  return withJobFiles(input, { signal }, async (files) => {
    const gathered = input.rowsPerGroup ?? defaultRowsPerGroup
    const changes = MemRows.thaw(input.frozen)
    const order = sortRows(changes, 0, changes.rowCount)
    const file = await files.create(input.output.path)
    const writer = new DeltaFileWriter(file, input.schema, { codec: files.codec, rowsPerGroup: input.rowsPerGroup })
    for (let from = 0; from < order.length; from += gathered) {
      await files.turn()
      const gather = new RowGather(changes, order, from, Math.min(order.length, from + gathered))
      const columns = changes.schema.columns.map((_, position) => gather.column(position))
      await writer.add({ rowCount: gather.count, columns })
    }
    return writer.finish()
  })
}
