import { VarveError } from '../base/errors.ts'
import { joinPath, type Vfs } from '../vfs/vfs.ts'
import type { LogBatch } from './batch-format.ts'
import { type FramedFile, findSyncProof, framedFile } from './frame.ts'
import type { LogPosition } from './log-position.ts'
import { type FoundSegment, findChain, reaches, type SegmentChain, type StraySegment } from './segment-chain.ts'
import { segmentFileName, segmentHeaderBytes, segmentSeed } from './segment-header.ts'
import { readSegment, type SegmentContent, type SegmentProblem } from './segment-reader.ts'
import type { SyncedMark } from './synced-mark.ts'

export interface RecoverWalOptions {
  readonly vfs: Vfs
  readonly directory: string
  readonly mode: 'strict' | 'salvage'
  /** Changes nothing on disk. */
  readonly readOnly: boolean
  /** To notice if either has lost something durable; see `refuseMissing` and `checkAgainst`. */
  readonly manifest?: ManifestKnowledge
  /** Called for each batch, ascending by op id; awaited if it returns a promise. */
  onBatch(batch: LogBatch): void | Promise<void>
}

/** What the manifest knows of itself and of the log. */
export interface ManifestKnowledge {
  readonly fileNumber: number
  readonly sizeBytes: number
  readonly lastOpId: number
  readonly logSyncedThrough: number
  /** Undefined: it does not say. */
  readonly logNeededFrom: LogPosition | undefined
}

/** A segment that was kept. */
export interface LogSegment {
  readonly fileNumber: number
  readonly path: string
  readonly sizeBytes: number
  /** Every op in it is at least this. */
  readonly firstOpId: number
  /** The last op in it; `firstOpId − 1` if it is empty. */
  readonly lastOpId: number
}

export interface RecoveredWal {
  /** Ascending; give them to `Wal.open`. All of them are synced (unless read only). */
  readonly segments: readonly LogSegment[]
  /** The last op of the log, or the one before which it begins; 0 for no log. */
  readonly lastOpId: number
  /** The greatest commit timestamp in the log; 0 if it holds no batch. */
  readonly lastTimestamp: number
  readonly batchCount: number
  readonly sizeBytes: number
  /** Where the log was cut: a tail that a crash tore, or, when salvaging, damage. */
  readonly cut: { readonly path: string; readonly offset: number; readonly droppedBytes: number; readonly problem: string } | undefined
  /** Files that were no part of the log, or followed the cut: removed, unless read only. */
  readonly strays: readonly StraySegment[]
}

/**
 * Reads the log of a database directory and leaves it fit to be continued in a new segment:
 *
 * 1. Find the unbroken chain of segments that ends in the newest (`findChain`). If it begins after the position from
 *    which on the manifest needs the log, that is CORRUPTION; with `salvage` the log ends before what is missing.
 * 2. Read each batch, in order, up to the end or to the first thing wrong.
 * 3. What is wrong is CORRUPTION { path, offset } if it had been synced: another segment was begun after it, or the
 *    next header or a later record says so, or it is whole but senseless. Else a crash tore it, and the log ends
 *    before it. With `salvage` the log ends there in any case: nothing behind damage is ever used.
 * 4. Remove what is no part of the log, durably, newest first; cut the torn end off; sync what is kept.
 *
 * Nothing is changed if it rejects before step 4.
 */
export async function recoverWal(o: RecoverWalOptions): Promise<RecoveredWal> {
  const { vfs, directory, mode, manifest } = o
  const chain = await findChain({ vfs, directory, mode, names: await vfs.list(directory), neededFrom: manifest?.logNeededFrom?.segment })
  if (mode === 'strict' && manifest) refuseMissing(manifest, chain, directory)
  const log = await readChain(o, chain)
  if (mode === 'strict' && manifest) checkAgainst(manifest, chain, log)
  const dropped = chain.segments.slice(log.segments.length)
  const later = dropped.map(({ fileNumber, path }) => ({ fileNumber, path, reason: 'it follows the end of the log' }))
  const strays = [...chain.strays, ...later].sort((a, b) => a.fileNumber - b.fileNumber)
  if (!o.readOnly) await settle(vfs, directory, log, strays)
  const sizeBytes = log.segments.reduce((total, segment) => total + segment.sizeBytes, 0)
  const cut = log.cut ?? (chain.end && { path: chain.end.path, offset: 0, droppedBytes: chain.end.sizeBytes, problem: chain.end.problem })
  return {
    segments: log.segments,
    lastOpId: log.lastOpId,
    lastTimestamp: log.lastTimestamp,
    batchCount: log.batchCount,
    sizeBytes,
    cut,
    strays,
  }
}

interface ReadLog {
  readonly segments: LogSegment[]
  lastOpId: number
  lastTimestamp: number
  batchCount: number
  mark: SyncedMark | undefined
  cut: RecoveredWal['cut']
}

async function readChain(o: RecoverWalOptions, { segments }: SegmentChain): Promise<ReadLog> {
  const log: ReadLog = { segments: [], lastOpId: 0, lastTimestamp: 0, batchCount: 0, mark: undefined, cut: undefined }
  for (const [i, segment] of segments.entries()) {
    const { path, header } = segment
    const file = await readWhole(o.vfs, segment)
    const floor = Math.max(log.lastOpId, header.firstOpId - 1)
    const content = await readSegment(file, {
      path,
      firstOpId: header.firstOpId,
      lastOpId: floor,
      lastTimestamp: log.lastTimestamp,
      onBatch: o.onBatch,
    })
    if (o.mode === 'strict')
      refuseDamage(file, {
        segment,
        previous: log.segments.at(-1),
        next: segments[i + 1],
        written: segments.slice(i + 1).find(isWritten),
        content,
      })
    log.segments.push({
      fileNumber: segment.fileNumber,
      path,
      sizeBytes: content.endBytes,
      firstOpId: header.firstOpId,
      lastOpId: content.lastOpId,
    })
    log.lastOpId = content.lastOpId
    log.lastTimestamp = content.lastTimestamp
    log.batchCount += content.batchCount
    log.mark = content.mark ?? log.mark
    if (content.problem) {
      log.cut = { path, offset: content.endBytes, droppedBytes: file.bytes.length - content.endBytes, problem: content.problem.text }
      break
    }
  }
  return log
}

/** Throws CORRUPTION if what is wrong with a segment, or missing at its end, or at that of the one before, had been synced. */
function refuseDamage(
  file: FramedFile,
  o: {
    segment: FoundSegment
    previous: LogSegment | undefined
    next: FoundSegment | undefined
    /** The first one behind it that holds anything. */
    written: FoundSegment | undefined
    content: SegmentContent
  },
): void {
  const { segment, previous, next, written, content } = o
  const { problem, endBytes, mark } = content
  if (previous && mark && mark.predecessorBytes > previous.sizeBytes) {
    throw damaged(previous.path, {
      at: previous.sizeBytes,
      text: `it ends here, yet had ${mark.predecessorBytes} bytes when segment ${segment.fileNumber} was begun`,
    })
  }
  if (problem?.kind === 'malformed') throw damaged(segment.path, problem)
  if (next && next.header.predecessorSyncedBytes > endBytes) {
    const known = `segment ${next.fileNumber} was begun when ${next.header.predecessorSyncedBytes} bytes of it had been synced`
    throw damaged(
      segment.path,
      problem ? { at: problem.at, text: `${problem.text}, yet ${known}` } : { at: endBytes, text: `it ends here, yet ${known}` },
    )
  }
  if (!problem) return
  if (written)
    throw damaged(segment.path, {
      at: problem.at,
      text: `${problem.text}, yet it was synced before segment ${written.fileNumber} was written to`,
    })
  const proof = findSyncProof(file, problem.at)
  if (proof)
    throw damaged(segment.path, {
      at: problem.at,
      text: `${problem.text}, yet the record at ${proof.position} shows that ${proof.syncedBytes} bytes had been synced`,
    })
}

/**
 * Throws CORRUPTION if the log lacks the segment from which on the manifest needs it. A durable edit names it, so that
 * no crash can have taken it; and whatever came after it follows it in the chain.
 */
function refuseMissing({ fileNumber, logNeededFrom }: ManifestKnowledge, { segments }: SegmentChain, directory: string): void {
  if (!logNeededFrom || reaches(segments, logNeededFrom.segment)) return
  const path = joinPath(directory, segmentFileName(logNeededFrom.segment))
  const first = segments[0]
  const found = first ? `the log begins with segment ${first.path}` : 'there is no log'
  throw lost(`${found}, yet the manifest needs it from op ${logNeededFrom.opId} in segment ${path} on`, {
    manifest: fileNumber,
    path,
    offset: 0,
  })
}

/**
 * Throws CORRUPTION if log and manifest do not fit: the log ends before an op through which the manifest knows it to
 * have been synced; or begins after an op that the manifest does not know, so that neither has the ops between; or has
 * seen a newer or longer manifest than the one that is there.
 */
function checkAgainst(manifest: ManifestKnowledge, chain: SegmentChain, log: ReadLog): void {
  const oldest = chain.segments[0]
  const context = { manifest: manifest.fileNumber }
  // What comes before is in files, and its segments may be gone, though the next one may have been made ahead of its first op.
  const inFiles = (manifest.logNeededFrom?.opId ?? 1) - 1
  if (Math.max(log.lastOpId, inFiles) < manifest.logSyncedThrough) {
    const last = log.segments.at(-1)
    const place = last ? `the log segment ${last.path} ends at offset ${last.sizeBytes} with op ${log.lastOpId}` : 'there is no log'
    throw lost(`${place}, yet the manifest knows that the log was synced through op ${manifest.logSyncedThrough}`, {
      ...context,
      path: last?.path,
      offset: last?.sizeBytes,
    })
  }
  if (oldest && oldest.header.firstOpId - 1 > manifest.lastOpId) {
    throw lost(`the log begins with op ${oldest.header.firstOpId}, yet the manifest ends with op ${manifest.lastOpId}`, {
      ...context,
      path: oldest.path,
      offset: 0,
    })
  }
  const { manifestNumber = 0, manifestBytes = 0 } = log.mark ?? {}
  if (manifestNumber > manifest.fileNumber || (manifestNumber === manifest.fileNumber && manifestBytes > manifest.sizeBytes)) {
    throw lost(
      `the manifest ${manifest.fileNumber} ends at ${manifest.sizeBytes} bytes, yet the log has seen ${manifestBytes} synced bytes of manifest ${manifestNumber}`,
      context,
    )
  }
}

/**
 * Step 4. Removals behind the end are synced one by one, newest first, or a power cut could keep a later segment
 * without the one before it, which would then be the whole chain.
 */
async function settle(vfs: Vfs, directory: string, log: ReadLog, strays: readonly StraySegment[]): Promise<void> {
  const last = log.segments.at(-1)
  // Behind the last one with records there may be some that were made ahead of them, and are empty: then it is not synced yet.
  const unsynced = log.segments.slice(Math.max(0, log.segments.findLastIndex(isWritten)))
  for (const { fileNumber, path } of strays.toReversed()) {
    await vfs.remove(path)
    if (fileNumber > (last?.fileNumber ?? 0)) await vfs.syncDirectory(directory)
  }
  if (strays.length > 0) await vfs.syncDirectory(directory)
  for (const { path, sizeBytes } of unsynced) {
    await using file = await vfs.openAppend(path)
    if (file.sizeBytes > sizeBytes) await file.truncate(sizeBytes)
    await file.sync()
  }
}

/** Whether there is anything in it but its header. */
function isWritten({ sizeBytes }: { readonly sizeBytes: number }): boolean {
  return sizeBytes > segmentHeaderBytes
}

async function readWhole(vfs: Vfs, { path, fileNumber, sizeBytes }: FoundSegment): Promise<FramedFile> {
  try {
    await using file = await vfs.open(path)
    return framedFile(await file.read(0, sizeBytes), segmentSeed(fileNumber))
  } catch (cause) {
    const message = `The log segment ${path} cannot be read. Look after the disk, or restore the database from a copy.`
    throw new VarveError('CORRUPTION', message, { context: { path, offset: 0 }, cause })
  }
}

function damaged(path: string, problem: Pick<SegmentProblem, 'at' | 'text'>): VarveError {
  const message = `The log segment ${path} is damaged at offset ${problem.at}: ${problem.text}. Restore the database from a copy, or open it with recovery: 'salvage' to use the log up to there.`
  return new VarveError('CORRUPTION', message, { context: { path, offset: problem.at } })
}

function lost(problem: string, context: Record<string, unknown>): VarveError {
  const message = `Log and manifest do not fit together: ${problem}. Restore the database from a copy, or open it with recovery: 'salvage' to use what is there.`
  return new VarveError('CORRUPTION', message, { context })
}
