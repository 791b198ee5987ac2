/**
 * What stands at both ends of an SSTable.
 *
 * Header, at 0, the same in every version to come:
 *   0  8 bytes 'VARVESST' · 8  u32 format version · 12 u32 CRC-32 of the 12 bytes before
 * Trailer, the last 32 bytes:
 *   0  u64 offset of the metadata block · 8 u32 its size · 12 u32 format version · 16 u32 0
 *   20 u32 CRC-32 of the 20 bytes before · 24 8 bytes 'VARVESST'
 */
import { crc32 } from '../base/crc32.ts'
import { VarveError } from '../base/errors.ts'

export const sstableFormatVersion = 1
export const fileHeaderBytes = 16
export const fileTrailerBytes = 32

const magic = new TextEncoder().encode('VARVESST')

export function fileHeader(): Uint8Array {
  const bytes = new Uint8Array(fileHeaderBytes)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  view.setUint32(8, sstableFormatVersion, true)
  view.setUint32(12, crc32(bytes.subarray(0, 12)), true)
  return bytes
}

export function fileTrailer(metadataOffset: number, metadataBytes: number): Uint8Array {
  const bytes = new Uint8Array(fileTrailerBytes)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(metadataOffset), true)
  view.setUint32(8, metadataBytes, true)
  view.setUint32(12, sstableFormatVersion, true)
  view.setUint32(20, crc32(bytes.subarray(0, 20)), true)
  bytes.set(magic, 24)
  return bytes
}

/** Throws CORRUPTION if the file does not begin as an SSTable, FORMAT_UNSUPPORTED if it is of a later version. */
export function checkHeader(bytes: Uint8Array, path: string): void {
  if (bytes.length < fileHeaderBytes || !startsWithMagic(bytes)) throw frameCorruption(path, 0, 'it is not an SSTable')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(12, true) !== crc32(bytes.subarray(0, 12))) throw frameCorruption(path, 0, 'the checksum of its header does not match')
  const version = view.getUint32(8, true)
  if (version === sstableFormatVersion) return
  throw new VarveError(
    'FORMAT_UNSUPPORTED',
    `${path} is an SSTable of format ${version}; this Varve reads format ${sstableFormatVersion}. Use a newer Varve.`,
    {
      context: { path, version },
    },
  )
}

/** Where the metadata block lies. `bytes` ends with the file. Throws CORRUPTION for a damaged or truncated end. */
export function readTrailer(bytes: Uint8Array, sizeBytes: number, path: string): { offset: number; sizeBytes: number } {
  const trailerOffset = sizeBytes - fileTrailerBytes
  if (trailerOffset < fileHeaderBytes || bytes.length < fileTrailerBytes) throw frameCorruption(path, sizeBytes, 'it is cut short')
  const trailer = bytes.subarray(bytes.length - fileTrailerBytes)
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength)
  if (!startsWithMagic(trailer.subarray(24)))
    throw frameCorruption(path, trailerOffset, 'it does not end as an SSTable; it is cut short or damaged')
  const offset = Number(view.getBigUint64(0, true))
  const metadataBytes = view.getUint32(8, true)
  const sound =
    view.getUint32(20, true) === crc32(trailer.subarray(0, 20)) &&
    view.getUint32(12, true) === sstableFormatVersion &&
    offset % 8 === 0 &&
    offset >= fileHeaderBytes &&
    offset + metadataBytes === trailerOffset
  if (!sound) throw frameCorruption(path, trailerOffset, 'its last bytes are damaged')
  return { offset, sizeBytes: metadataBytes }
}

/** The error for damage outside of the blocks. */
export function frameCorruption(path: string, offset: number, what: string, cause?: unknown): VarveError {
  return new VarveError('CORRUPTION', `${path} cannot be read: ${what}. Restore the file from a checkpoint.`, {
    context: { path, offset },
    ...(cause === undefined ? {} : { cause }),
  })
}

function startsWithMagic(bytes: Uint8Array): boolean {
  for (let i = 0; i < magic.length; i++) if (bytes[i] !== magic[i]) return false
  return true
}
