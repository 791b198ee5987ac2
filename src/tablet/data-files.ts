/** What jobs that write data files have in common on the main thread. */
import { invariant } from '../base/errors.ts'
import type { FileInfo } from '../events/event-map.ts'
import type { DeltaStatistics, FileMeta } from '../manifest/version-edit.ts'
import { DeltaFile } from '../rowset/delta-file.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { FlushedRowSet } from '../rowset/flush-rows.ts'
import type { SSTableSummary } from '../sstable/sstable.ts'
import type { Tablet } from './tablet.ts'
import type { RowSetMetas } from './tablet-host.ts'

/** Where a file that a job wrote belongs. */
export interface FilePlace extends Pick<FileMeta, 'fileNumber' | 'role' | 'rowset'> {
  /** The cut of the job's inputs. */
  readonly flushedThroughOp: number
}

/** What the manifest is told of a file that a job wrote. */
export function fileMeta(tablet: Tablet, place: FilePlace, written: SSTableSummary & { readonly deltas?: DeltaStatistics }): FileMeta {
  const { rows, sizeBytes, minKey, maxKey, minTimestamp, maxTimestamp, deltas } = written
  const { fileNumber, role, rowset, flushedThroughOp } = place
  return {
    fileNumber,
    role,
    tableId: tablet.schema.tableId,
    tablet: tablet.ordinal,
    rowset,
    sizeBytes,
    rows,
    minKeyHex: Buffer.from(minKey).toString('hex'),
    maxKeyHex: Buffer.from(maxKey).toString('hex'),
    minTimestamp,
    maxTimestamp,
    flushedThroughOp,
    ...(deltas === undefined ? {} : { deltas }),
  }
}

/** The numbers of the files that a job may write of one rowset. */
export interface RowSetPlan {
  /** The rowset is named by this one. */
  readonly base: number
  readonly undo: number
  readonly redo: number
}

/** What the manifest is told of the files of a rowset that a job wrote. */
export function rowsetMetas(tablet: Tablet, written: FlushedRowSet, planned: RowSetPlan | undefined, cut: number): RowSetMetas {
  invariant(planned !== undefined, 'a job writes no more files than were planned')
  const place = { rowset: planned.base, flushedThroughOp: cut }
  const delta = (role: 'undo' | 'redo'): FileMeta[] => {
    const summary = written[role]
    return summary === undefined ? [] : [fileMeta(tablet, { ...place, fileNumber: planned[role], role }, summary)]
  }
  const base = fileMeta(tablet, { ...place, fileNumber: planned.base, role: 'base' }, written.base)
  return { base, undo: delta('undo'), redo: delta('redo') }
}

/** Closes the files of a rowset that is not going to be installed, and keeps them: an edit that names them may be on disk. */
export function closeFiles({ reader, deltas }: DiskRowSet): void {
  reader.close()
  for (const source of [...deltas.undo, ...deltas.redo]) if (source instanceof DeltaFile) source.reader.close()
}

/** Memory that a job reads: kept while it does, and no longer, so that what is freed at the installation is freed then. */
export async function whileRetained<R>(stores: readonly { retain(): void; release(): void }[], run: () => Promise<R>): Promise<R> {
  for (const store of stores) store.retain()
  try {
    return await run()
  } finally {
    for (const store of stores) store.release()
  }
}

/** Tells listeners of files that have just been installed, and says what they were told. */
export function announceFiles(tablet: Tablet, metas: readonly FileMeta[]): FileInfo[] {
  return metas.map((meta) => {
    const file = fileInfo(tablet, meta)
    tablet.host.events.emit(file.kind === 'sstable' ? 'sstable:created' : 'delta:created', { file })
    return file
  })
}

/** A file as events tell of it. */
export function fileInfo({ host, table, ordinal }: Tablet, meta: FileMeta): FileInfo {
  const { fileNumber, sizeBytes, rows, rowset } = meta
  const kind = meta.role === 'base' ? 'sstable' : 'delta'
  const path = kind === 'sstable' ? host.sstablePath(fileNumber) : host.deltaPath(fileNumber)
  return { fileNumber, kind, path, sizeBytes, rows, table, tablet: ordinal, rowset }
}
