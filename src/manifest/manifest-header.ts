import { crc32 } from '../base/crc32.ts'
import { VarveError } from '../base/errors.ts'
import { frameSeed, readU64, writeU64 } from '../wal/frame.ts'

/**
 * The first bytes of a manifest; all numbers little-endian. Frames (src/wal/frame.ts) follow, each holding a version
 * edit (src/manifest/edit-codec.ts), the first one that of the whole version.
 *
 *     0  8 bytes  'VARVEMAN'
 *     8  u32      format version, 1
 *    12  u32      length of this header in bytes, 32
 *    16  u64      number of the manifest, as in its file name
 *    24  u32      0
 *    28  u32      CRC-32 of bytes 0 to 28
 */
export const manifestHeaderBytes = 32
export const manifestFormatVersion = 1
const magic = 'VARVEMAN'

/** The seed of the checksums of a manifest's frames. */
export function manifestSeed(fileNumber: number): number {
  return frameSeed(magic, fileNumber)
}

export function encodeManifestHeader(fileNumber: number): Uint8Array {
  const bytes = new Uint8Array(manifestHeaderBytes)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 8; i++) bytes[i] = magic.charCodeAt(i)
  view.setUint32(8, manifestFormatVersion, true)
  view.setUint32(12, manifestHeaderBytes, true)
  writeU64(view, 16, fileNumber)
  view.setUint32(28, crc32(bytes.subarray(0, 28)), true)
  return bytes
}

/** What is wrong with the header of a manifest; undefined: nothing. FORMAT_UNSUPPORTED if a newer version wrote it. */
export function manifestHeaderProblem(bytes: Uint8Array, fileNumber: number, path: string): string | undefined {
  if (bytes.length < manifestHeaderBytes) return 'it is too short for its header'
  for (let i = 0; i < 8; i++) if (bytes[i] !== magic.charCodeAt(i)) return 'it does not begin like a manifest'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerBytes = view.getUint32(12, true)
  if (headerBytes < manifestHeaderBytes || headerBytes > Math.min(bytes.length, 4096)) return 'the length of its header is wrong'
  if (view.getUint32(headerBytes - 4, true) !== crc32(bytes.subarray(0, headerBytes - 4))) return 'the checksum of its header is wrong'
  const version = view.getUint32(8, true)
  if (version !== manifestFormatVersion) {
    const message = `The manifest ${path} has format version ${version}; this version of Varve reads version ${manifestFormatVersion}. Open the database with a newer Varve.`
    throw new VarveError('FORMAT_UNSUPPORTED', message, { context: { path, version, supported: manifestFormatVersion } })
  }
  return readU64(view, 16) === fileNumber ? undefined : 'its header carries the number of another manifest'
}
