import { VarveError } from '../base/errors.ts'
import { joinPath, type Vfs } from '../vfs/vfs.ts'
import { framedFile, frameTypes, readFrame } from './frame.ts'
import {
  decodeSegmentHeader,
  parseSegmentFileName,
  type SegmentHeader,
  segmentFileName,
  segmentHeaderBytes,
  segmentSeed,
} from './segment-header.ts'

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
  /** Set if salvage ended the log before a segment that is missing (of 0 bytes then), or whose header is damaged. */
  readonly end: ChainEnd | undefined
}

interface ChainEnd {
  readonly path: string
  readonly sizeBytes: number
  readonly problem: string
}

interface ChainOptions {
  readonly vfs: Vfs
  readonly directory: string
  readonly names: readonly string[]
  readonly mode: 'strict' | 'salvage'
  /** Number of the segment from which on the log is needed, if anybody knows. */
  readonly neededFrom?: number | undefined
}

/**
 * Finds the log among the segments of a directory: the unbroken chain of predecessors that ends in the newest one.
 * Whatever else is there is no part of it: after a power cut, a segment deleted long ago can be back without the
 * ones that followed it, and to replay it would bring back what they took away.
 *
 * The newest may be one whose creation a crash cut short: then nothing follows its header, and it is passed over. Any
 * other wrong header is CORRUPTION; `salvage` ends the log before it, and finds the rest of the chain by the
 * predecessor's number in that segment's records.
 *
 * A chain that does not reach back to the segment that is needed lacks one. That is left to the caller, but for
 * `salvage`: it never skips over what is lost, and so takes the chain from the needed segment up to the first gap.
 */
export async function findChain(o: ChainOptions): Promise<SegmentChain> {
  const present = o.names.map(parseSegmentFileName).filter((fileNumber) => fileNumber !== undefined)
  const search: Search = {
    ...o,
    descending: present.sort((a, b) => b - a),
    reasons: new Map(),
    lowest: Number.POSITIVE_INFINITY,
    end: undefined,
  }
  let segments: FoundSegment[] = []
  for (let start = search.descending[0]; start !== undefined; start = below(search, search.lowest)) {
    const found = await walkBack(search, start)
    if (o.mode === 'strict' || o.neededFrom === undefined || reaches(found, o.neededFrom)) {
      segments = found
      break
    }
    passOver(search, found)
  }
  const used = new Set(segments.map(({ fileNumber }) => fileNumber))
  const strays = search.descending.filter((fileNumber) => !used.has(fileNumber)).reverse()
  return {
    segments,
    strays: strays.map((fileNumber) => ({
      fileNumber,
      path: joinPath(o.directory, segmentFileName(fileNumber)),
      reason: search.reasons.get(fileNumber) ?? 'no newer segment names it as its predecessor',
    })),
    end: search.end,
  }
}

/** Whether a chain has the segment from which on the log is needed. */
export function reaches(segments: readonly FoundSegment[], neededFrom: number): boolean {
  return segments.some(({ fileNumber }) => fileNumber === neededFrom)
}

interface Search extends ChainOptions {
  /** The numbers of all segments that are there. */
  readonly descending: readonly number[]
  /** Why a segment is no part of the log. */
  readonly reasons: Map<number, string>
  /** The lowest one looked at. */
  lowest: number
  end: ChainEnd | undefined
}

/** The greatest number of a segment below another. */
function below({ descending }: Search, fileNumber: number): number | undefined {
  return descending.find((number) => number < fileNumber)
}

/** The unbroken chain that ends in a segment, ascending. */
async function walkBack(search: Search, start: number): Promise<FoundSegment[]> {
  let segments: FoundSegment[] = []
  let wanted: number | undefined = start
  while (wanted !== undefined && search.descending.includes(wanted)) {
    const fileNumber: number = wanted
    search.lowest = fileNumber
    const path = joinPath(search.directory, segmentFileName(fileNumber))
    const { header, sizeBytes } = await readHeader(search.vfs, path, fileNumber)
    if (header) {
      segments.push({ fileNumber, path, sizeBytes, header })
      wanted = Math.min(header.predecessor, fileNumber - 1)
    } else if (segments.length === 0 && sizeBytes <= segmentHeaderBytes && !search.end) {
      search.reasons.set(fileNumber, 'its creation was cut short')
      wanted = below(search, fileNumber)
    } else {
      if (search.mode === 'strict') throw damagedHeader(path)
      for (const later of segments) search.reasons.set(later.fileNumber, 'it follows damage')
      search.reasons.set(fileNumber, 'its header is damaged')
      segments = []
      search.end = { path, sizeBytes, problem: 'its header is damaged' }
      wanted = await predecessorInFrames(search.vfs, path, fileNumber)
    }
  }
  return segments.reverse()
}

/** A chain that begins too late: something before it is missing, where the log ends now. */
function passOver(search: Search, [first, ...later]: readonly FoundSegment[]): void {
  if (!first) return
  const path = joinPath(search.directory, segmentFileName(first.header.predecessor))
  search.end = { path, sizeBytes: 0, problem: 'it is missing' }
  for (const { fileNumber } of [first, ...later]) search.reasons.set(fileNumber, 'it follows a segment that is missing')
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
