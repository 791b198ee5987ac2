import { type CompactColumnsOutput, compactColumns } from '../../../../src/rowset/compaction/compact-columns.ts'
import { type MergeDeltaFilesOutput, mergeDeltaFiles } from '../../../../src/rowset/compaction/merge-delta-files.ts'
import type { TableSchema } from '../../../../src/schema/table-schema.ts'
import { pathOf, type RowSetDisk, type RowSetFiles } from './rowset-files.ts'

export interface CompactionOptions {
  readonly schema: TableSchema
  readonly horizon: number
  readonly rowsPerGroup?: number
  readonly codec?: string
}

interface Planned<Output> {
  readonly output: Output
  /** The rowset's files afterwards. */
  readonly files: RowSetFiles
}

const jobFile = (fileNumber: number) => ({ fileNumber, path: pathOf(fileNumber) })

/** Merges some of the redo files (`from` to `to`), or of the undo files, as a worker would: its input is cloned. */
export async function minorCompaction(
  disk: RowSetDisk,
  files: RowSetFiles,
  o: CompactionOptions & { kind: 'redo' | 'undo'; from?: number; to?: number },
  signal?: AbortSignal,
): Promise<Planned<MergeDeltaFilesOutput>> {
  const { kind, from = 0, to = files[kind].length, codec = 'none', ...rest } = o
  const fileNumber = disk.nextNumber()
  const input = {
    ...rest,
    kind,
    inputs: files[kind].slice(from, to).map(jobFile),
    output: { path: pathOf(fileNumber) },
    codec: { name: codec },
  }
  const output = await mergeDeltaFiles({ ...structuredClone(input), vfs: disk.vfs.handle() }, { signal })
  if (output.file !== undefined) disk.note(fileNumber, kind, output.file)
  const merged = output.file === undefined ? [] : [fileNumber]
  return { output, files: { ...files, [kind]: [...files[kind].slice(0, from), ...merged, ...files[kind].slice(to)] } }
}

/** Rewrites columns with the `runLength` oldest redo files. */
export async function majorCompaction(
  disk: RowSetDisk,
  files: RowSetFiles,
  o: CompactionOptions & { columns: readonly number[]; runLength?: number },
  signal?: AbortSignal,
): Promise<Planned<CompactColumnsOutput>> {
  const { runLength = files.redo.length, rowsPerGroup, codec = 'none', ...rest } = o
  const [base, redo, undo] = [disk.nextNumber(), disk.nextNumber(), disk.nextNumber()]
  const input = {
    ...rest,
    base: jobFile(files.base),
    redo: files.redo.slice(0, runLength).map(jobFile),
    outputs: { base: { path: pathOf(base) }, redo: { path: pathOf(redo) }, undo: { path: pathOf(undo) } },
    codec: { name: codec },
    ...(rowsPerGroup === undefined ? {} : { deltasPerGroup: rowsPerGroup }),
  }
  const output = await compactColumns({ ...structuredClone(input), vfs: disk.vfs.handle() }, { signal })
  disk.note(base, 'base', output.base)
  if (output.redo !== undefined) disk.note(redo, 'redo', output.redo)
  if (output.undo !== undefined) disk.note(undo, 'undo', output.undo)
  const remaining = output.redo === undefined ? [] : [redo]
  const added = output.undo === undefined ? [] : [undo]
  return { output, files: { base, undo: [...files.undo, ...added], redo: [...remaining, ...files.redo.slice(runLength)] } }
}
