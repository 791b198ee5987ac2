import { VarveError } from '../base/errors.ts'
import { joinPath, type Vfs } from '../vfs/vfs.ts'
import { framedFile, frameTypes, readFrame } from './frame.ts'
import { decodeSegmentHeader, parseSegmentFileName, type SegmentHeader, segmentHeaderBytes, segmentSeed } from './segment-header.ts'

/** A segment as it was found. */
export interface FoundSegment {
  readonly fileNumber: number
  readonly path: string
  readonly sizeBytes: number
  readonly header: SegmentHeader
}

/** A file that is no part of the log. */
export interface StraySegment {
  readonly fileNumber: number
  readonly path: string
  readonly reason: string
}

export interface SegmentChain {
  /** Ascending; each is the predecessor of the next. */
  readonly segments: readonly FoundSegment[]
  /** Ascending. */
  readonly strays: readonly StraySegment[]
  /** Set if salvage ended the log before a segment whose header is damaged. */
  readonly damaged: { readonly path: string; readonly sizeBytes: number } | undefined
}

/**
 * Finds the log among the segments of a directory: the unbroken chain of predecessors that ends in the newest one.
 * Whatever else is there is no part of it: after a power cut, a segment deleted long ago can be back without the
 * ones that followed it, and to replay it would bring back what they took away.
 *
 * The newest may be one whose creation a crash cut short: then nothing follows its header, and it is passed over. Any
 * other wrong header is CORRUPTION; `salvage` ends the log before it, and finds the rest of the chain by the
 * predecessor's number in that segment's records.
 */
export async function findChain(o: {
  vfs: Vfs
  directory: string
  names: readonly string[]
  mode: 'strict' | 'salvage'
}): Promise<SegmentChain> {
  const present = o.names.map(parseSegmentFileName).filter((fileNumber) => fileNumber !== undefined)
  const descending = present.sort((a, b) => b - a)
  const pathOf = (fileNumber: number) => joinPath(o.directory, o.names.find((name) => parseSegmentFileName(name) === fileNumber) as string)
  const reasons = new Map<number, string>()
  let segments: FoundSegment[] = []
  let damaged: SegmentChain['damaged']
  let wanted = descending[0]
  while (wanted !== undefined && present.includes(wanted)) {
    const fileNumber: number = wanted
    const path = pathOf(fileNumber)
    const { header, sizeBytes } = await readHeader(o.vfs, path, fileNumber)
    if (header) {
      segments.push({ fileNumber, path, sizeBytes, header })
      wanted = Math.min(header.predecessor, fileNumber - 1)
    } else if (segments.length === 0 && sizeBytes <= segmentHeaderBytes && !damaged) {
      reasons.set(fileNumber, 'its creation was cut short')
      wanted = descending.find((number) => number < fileNumber)
    } else {
      if (o.mode === 'strict') throw damagedHeader(path)
      for (const later of segments) reasons.set(later.fileNumber, 'it follows damage')
      reasons.set(fileNumber, 'its header is damaged')
      segments = []
      damaged = { path, sizeBytes }
      wanted = await predecessorInFrames(o.vfs, path, fileNumber)
    }
  }
  segments.reverse()
  const used = new Set(segments.map(({ fileNumber }) => fileNumber))
  const strays = present.filter((fileNumber) => !used.has(fileNumber)).sort((a, b) => a - b)
  return {
    segments,
    strays: strays.map((fileNumber) => ({
      fileNumber,
      path: pathOf(fileNumber),
      reason: reasons.get(fileNumber) ?? 'no newer segment names it as its predecessor',
    })),
    damaged,
  }
}

async function readHeader(vfs: Vfs, path: string, fileNumber: number): Promise<{ header: SegmentHeader | undefined; sizeBytes: number }> {
  await using file = await vfs.open(path)
  const sizeBytes = await file.size()
  return { header: decodeSegmentHeader(await file.read(0, segmentHeaderBytes), fileNumber, path), sizeBytes }
}

/** The predecessor's number that a segment's first whole record carries; undefined if there is no such record. */
async function predecessorInFrames(vfs: Vfs, path: string, fileNumber: number): Promise<number | undefined> {
  await using reader = await vfs.open(path)
  const file = framedFile(await reader.read(0, await reader.size()), segmentSeed(fileNumber))
  const first = readFrame(file, segmentHeaderBytes)
  return first && first.type !== frameTypes.fragment ? first.sequence : undefined
}

function damagedHeader(path: string): VarveError {
  const message = `The log segment ${path} is damaged at offset 0: its header is not what was written. Restore the database from a copy, or open it with recovery: 'salvage' to use the log before this segment.`
  return new VarveError('CORRUPTION', message, { context: { path, offset: 0 } })
}
