import { type AppendFile, joinPath, type Vfs } from '../vfs/vfs.ts'
import { encodeSegmentHeader, type SegmentHeader, segmentFileName, segmentHeaderBytes, segmentSeed } from './segment-header.ts'

/** A segment being written. */
export interface OpenSegment {
  readonly fileNumber: number
  readonly path: string
  readonly predecessor: number
  readonly seed: number
  readonly file: AppendFile
  /** Of what was written and not taken back. */
  sizeBytes: number
  /** Bytes from the start that are durable. */
  syncedBytes: number
  /** Every op in it is at least this; exact from when it becomes the live one. */
  firstOpId: number
  /** The last op in it, 0 if there is none. */
  lastOpId: number
  /** Final length of the predecessor; set when the segment becomes the live one. */
  predecessorBytes: number
}

/** Makes a segment with nothing but its header; file and directory entry are durable. Leaves nothing behind if it rejects. */
export async function createSegment({ vfs, directory }: { vfs: Vfs; directory: string }, header: SegmentHeader): Promise<OpenSegment> {
  const { fileNumber, predecessor, firstOpId } = header
  const path = joinPath(directory, segmentFileName(fileNumber))
  const file = await vfs.create(path)
  try {
    await file.append(encodeSegmentHeader(header))
    await file.sync()
    await vfs.syncDirectory(directory)
  } catch (error) {
    await file.close().catch(() => {})
    await vfs.remove(path).catch(() => {})
    throw error
  }
  const size = { sizeBytes: segmentHeaderBytes, syncedBytes: segmentHeaderBytes }
  return { fileNumber, path, predecessor, seed: segmentSeed(fileNumber), file, ...size, firstOpId, lastOpId: 0, predecessorBytes: 0 }
}
