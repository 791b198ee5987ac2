import { VarveError } from '../base/errors.ts'
import { decodeBatch } from './batch-decoder.ts'
import { foldChecksum } from './batch-encoder.ts'
import type { LogBatch } from './batch-format.ts'
import { type Frame, type FramedFile, frameProblem, frameTypes, readFrame, readU64 } from './frame.ts'
import { segmentHeaderBytes } from './segment-header.ts'
import { decodeSyncedMark, type SyncedMark } from './synced-mark.ts'

/** What a segment held up to its end, or up to the first thing wrong. */
export interface SegmentContent {
  /** Position after the last whole batch or mark. */
  readonly endBytes: number
  readonly batchCount: number
  /** Of the last batch; what was given if there is none. */
  readonly lastOpId: number
  readonly lastTimestamp: number
  /** The newest mark. */
  readonly mark: SyncedMark | undefined
  readonly problem: SegmentProblem | undefined
}

/**
 * What is wrong from `endBytes` on. `torn`: bytes that are no whole record, as a crash may leave them; at `at`, which
 * lies behind `endBytes` where parts of a large batch are whole. `malformed`: a record that is whole, and yet cannot be.
 */
export interface SegmentProblem {
  readonly kind: 'torn' | 'malformed'
  readonly at: number
  readonly text: string
}

/** The fragments met so far of a large batch. */
interface OpenBatch {
  readonly start: number
  readonly payloadStart: number
  payloadEnd: number
  count: number
  checksums: number
}

/**
 * Reads a segment's batches in order. A large batch counts only with its commit frame; its fragments are moved
 * together within `file.bytes`, so that its columns too are views.
 */
export async function readSegment(
  file: FramedFile,
  o: { path: string; firstOpId: number; lastOpId: number; lastTimestamp: number; onBatch(batch: LogBatch): void | Promise<void> },
): Promise<SegmentContent> {
  let { lastOpId, lastTimestamp } = o
  let endBytes = segmentHeaderBytes
  let position = endBytes
  let batchCount = 0
  let mark: SyncedMark | undefined
  let open: OpenBatch | undefined
  const content = (problem?: SegmentProblem): SegmentContent => ({ endBytes, batchCount, lastOpId, lastTimestamp, mark, problem })
  const malformed = (at: number, text: string) => content({ kind: 'malformed', at, text })

  while (position < file.bytes.length) {
    const frame = readFrame(file, position)
    if (!frame) return content({ kind: 'torn', at: position, text: frameProblem(file, position) as string })
    position = frame.payloadEnd
    if (frame.type === frameTypes.fragment) {
      open = frame.sequence === 0 && !open ? openBatch(frame) : open
      if (!open || open.count !== frame.sequence) return malformed(frame.position, 'a part of a large batch is out of place')
      addFragment(file, open, frame)
      continue
    }
    if (frame.type === frameTypes.synced && !open) {
      mark = decodeSyncedMark(file.view, frame.payloadStart)
      endBytes = position
      continue
    }
    const span =
      frame.type === frameTypes.commit ? committed(file, open, frame) : frame.type === frameTypes.record && !open ? frame : undefined
    if (!span) return malformed(frame.position, open ? 'a large batch does not end as it should' : 'a record has an unknown type')
    const batch = decode(file.bytes, {
      start: span.payloadStart,
      end: span.payloadEnd,
      path: o.path,
      offset: open?.start ?? frame.position,
    })
    if (batch instanceof VarveError) return malformed(frame.position, batch.message)
    if (batch.opId <= lastOpId || batch.opId < o.firstOpId)
      return malformed(frame.position, `batch ${batch.opId} follows batch ${lastOpId}`)
    const applied = o.onBatch(batch)
    if (applied) await applied
    lastOpId = batch.opId
    lastTimestamp = Math.max(lastTimestamp, batch.timestamp)
    batchCount++
    endBytes = position
    open = undefined
  }
  return open ? content({ kind: 'torn', at: position, text: 'the file ends within a large batch' }) : content()
}

function openBatch(frame: Frame): OpenBatch {
  return { start: frame.position, payloadStart: frame.payloadStart, payloadEnd: frame.payloadStart, count: 0, checksums: 0 }
}

function addFragment(file: FramedFile, open: OpenBatch, frame: Frame): void {
  // Before the move, which overwrites this fragment's header.
  open.checksums = foldChecksum(open.checksums, file.view.getUint32(frame.position + 4, true))
  if (frame.payloadStart !== open.payloadEnd) file.bytes.copyWithin(open.payloadEnd, frame.payloadStart, frame.payloadEnd)
  open.payloadEnd += frame.payloadEnd - frame.payloadStart
  open.count++
}

/** Where the parts of a large batch lie together, if its commit frame fits them. */
function committed({ view }: FramedFile, open: OpenBatch | undefined, commit: Frame): OpenBatch | undefined {
  const at = commit.payloadStart
  const fits =
    open &&
    readU64(view, at + 8) === open.payloadEnd - open.payloadStart &&
    view.getUint32(at + 16, true) === open.count &&
    view.getUint32(at + 20, true) === open.checksums
  return fits ? open : undefined
}

function decode(bytes: Uint8Array, o: { start: number; end: number; path: string; offset: number }): LogBatch | VarveError {
  try {
    return decodeBatch(bytes, o)
  } catch (error) {
    if (error instanceof VarveError && error.code === 'CORRUPTION') return error
    throw error
  }
}
