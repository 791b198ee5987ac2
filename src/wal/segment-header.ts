import { crc32 } from '../base/crc32.ts'
import { VarveError } from '../base/errors.ts'
import { frameSeed, readU64, writeU64 } from './frame.ts'

/**
 * The first bytes of a WAL segment; all numbers little-endian.
 *
 *     0  8 bytes  'VARVEWAL'
 *     8  u32      format version, 1
 *    12  u32      length of this header in bytes, 64
 *    16  u64      number of the segment, as in its file name
 *    24  u64      number of its predecessor, 0 if it has none
 *    32  u64      bytes of the predecessor, from its start, that were synced when this header was written
 *    40  u64      every op in this segment has this id or a greater one; every op before has a lesser one or lies in the predecessors
 *    48  12 bytes 0
 *    60  u32      CRC-32 of bytes 0 to 60
 *
 * The header is synced, and so is the directory, before the first record is written. So a wrong header is that of a
 * segment whose creation was cut short if nothing follows it, and damage if something does.
 */
export const segmentHeaderBytes = 64
export const segmentMagic = 'VARVEWAL'
export const segmentFormatVersion = 1

export interface SegmentHeader {
  readonly fileNumber: number
  readonly predecessor: number
  readonly predecessorSyncedBytes: number
  readonly firstOpId: number
}

/** The name of a segment in its database directory: `000004.wal`. */
export function segmentFileName(fileNumber: number): string {
  return `${String(fileNumber).padStart(6, '0')}.wal`
}

/** The number in a segment's name, or undefined if it is not one. */
export function parseSegmentFileName(name: string): number | undefined {
  const digits = /^(\d{6,15})\.wal$/.exec(name)?.[1]
  return digits !== undefined && segmentFileName(Number(digits)) === name ? Number(digits) : undefined
}

/** The seed of the checksums of a segment's frames. */
export function segmentSeed(fileNumber: number): number {
  return frameSeed(segmentMagic, fileNumber)
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(segmentHeaderBytes)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 8; i++) bytes[i] = segmentMagic.charCodeAt(i)
  view.setUint32(8, segmentFormatVersion, true)
  view.setUint32(12, segmentHeaderBytes, true)
  writeU64(view, 16, header.fileNumber)
  writeU64(view, 24, header.predecessor)
  writeU64(view, 32, header.predecessorSyncedBytes)
  writeU64(view, 40, header.firstOpId)
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true)
  return bytes
}

/** The header of a segment's bytes, or undefined if it is not whole. FORMAT_UNSUPPORTED if a newer version wrote it. */
export function decodeSegmentHeader(bytes: Uint8Array, fileNumber: number, path: string): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderBytes) return undefined
  for (let i = 0; i < 8; i++) if (bytes[i] !== segmentMagic.charCodeAt(i)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerBytes = view.getUint32(12, true)
  if (headerBytes < segmentHeaderBytes || headerBytes > bytes.length || headerBytes > 4096) return undefined
  if (view.getUint32(headerBytes - 4, true) !== crc32(bytes.subarray(0, headerBytes - 4))) return undefined
  const version = view.getUint32(8, true)
  if (version !== segmentFormatVersion) {
    const message = `The log segment ${path} has format version ${version}; this version of Varve reads version ${segmentFormatVersion}. Open the database with a newer Varve.`
    throw new VarveError('FORMAT_UNSUPPORTED', message, { context: { path, version, supported: segmentFormatVersion } })
  }
  if (readU64(view, 16) !== fileNumber) return undefined
  return { fileNumber, predecessor: readU64(view, 24), predecessorSyncedBytes: readU64(view, 32), firstOpId: readU64(view, 40) }
}
