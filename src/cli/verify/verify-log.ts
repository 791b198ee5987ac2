import type { DatabaseFile } from '../../manifest/database-files.ts'
import type { RecoveredManifest } from '../../manifest/manifest-recovery.ts'
import type { Vfs } from '../../vfs/vfs.ts'
import { inspectWal } from '../../wal/inspect-wal.ts'
import { recoverWal } from '../../wal/wal-recovery.ts'
import { asProblem, type DatabaseProblem, nameOf } from './database-problem.ts'

export interface LogVerification {
  readonly problems: readonly DatabaseProblem[]
  readonly notes: readonly DatabaseProblem[]
  readonly batchCount: number
  readonly sizeBytes: number
}

/** Reads the log as an opening would, changing nothing; where it is damaged, each segment by itself, to find the rest of the damage. */
export async function verifyLog(
  vfs: Vfs,
  o: { directory: string; files: readonly DatabaseFile[]; manifest: RecoveredManifest | undefined },
): Promise<LogVerification> {
  const notes: DatabaseProblem[] = []
  const { manifest } = o
  const known = manifest && {
    fileNumber: manifest.fileNumber,
    sizeBytes: manifest.sizeBytes,
    lastOpId: manifest.version.lastOpId,
    logSyncedThrough: manifest.version.logSyncedThrough,
    logNeededFrom: manifest.version.logNeededFrom,
  }
  try {
    const log = await recoverWal({
      vfs,
      directory: o.directory,
      mode: 'strict',
      readOnly: true,
      onBatch: () => undefined,
      ...(known && { manifest: known }),
    })
    if (log.cut)
      notes.push({
        file: nameOf(log.cut.path),
        offset: log.cut.offset,
        message: `${log.cut.droppedBytes} bytes at its end were cut short by a crash: ${log.cut.problem}.`,
      })
    for (const { path, reason } of log.strays)
      notes.push({ file: nameOf(path), offset: undefined, message: `No part of the log: ${reason}.` })
    return { problems: [], notes, batchCount: log.batchCount, sizeBytes: log.sizeBytes }
  } catch (error) {
    const first = asProblem(error)
    const others = await segmentProblems(vfs, o.files)
    return {
      problems: [first, ...others.filter(({ file, offset }) => file !== first.file || offset !== first.offset)],
      notes,
      batchCount: 0,
      sizeBytes: 0,
    }
  }
}

async function segmentProblems(vfs: Vfs, files: readonly DatabaseFile[]): Promise<DatabaseProblem[]> {
  const problems: DatabaseProblem[] = []
  for (const { kind, name, path } of files) {
    if (kind !== 'wal') continue
    await using file = await vfs.open(path)
    const { problem } = await inspectWal(name, await file.read(0, await file.size()))
    if (problem?.synced) problems.push({ file: name, offset: problem.offset, message: `Damaged: ${problem.text}.` })
  }
  return problems
}
