/**
 * A block on disk, at a multiple of eight bytes:
 *
 *   0  u32 checksum (CRC-32 of everything after it, padding included)
 *   4  u32 ordinal of the block in its file
 *   8  u32 bytes of payload as stored
 *  12  u32 bytes of payload before compression
 *  16  u32 rows
 *  20  u8  encoding
 *  21  u8  codec (0: none, 1: the file's)
 *  22  u8  flags (1: the payload begins with a null bitmap)
 *  23  u8  0
 *  24  payload, then zero bytes up to a multiple of eight
 */
import { crc32 } from '../base/crc32.ts'
import { VarveError } from '../base/errors.ts'
import type { Codec } from './codec.ts'

export const blockHeaderBytes = 24

/** What a block's header says, and its payload, checked and uncompressed. */
export interface Block {
  readonly ordinal: number
  readonly rows: number
  readonly encoding: number
  readonly compressed: boolean
  readonly hasNulls: boolean
  /** Begins at a multiple of eight bytes; may lie over the bytes that were read. */
  readonly payload: Uint8Array
}

/** Bytes of a block with a stored payload of this size. */
export function blockSizeBytes(storedBytes: number): number {
  return blockHeaderBytes + Math.ceil(storedBytes / 8) * 8
}

/** What a block's header says, and what it is compressed with. */
export interface BlockSeal {
  readonly ordinal: number
  readonly rows: number
  readonly encoding: number
  readonly hasNulls: boolean
  readonly codec: Codec | undefined
}

/** Puts a block together. The codec is used where it saves an eighth. */
export function sealBlock(payload: Uint8Array, o: BlockSeal): Uint8Array {
  return sealBlockIn(payload, o, (sizeBytes) => new Uint8Array(sizeBytes))
}

/** As `sealBlock`, in memory that the caller gives, whatever lies in it. */
export function sealBlockIn(payload: Uint8Array, o: BlockSeal, room: (sizeBytes: number) => Uint8Array): Uint8Array {
  const packed = o.codec?.compress(payload)
  const compressed = packed !== undefined && packed.length < payload.length * 0.875
  const stored = compressed ? packed : payload
  const block = room(blockSizeBytes(stored.length))
  const view = new DataView(block.buffer, block.byteOffset, block.length)
  view.setUint32(4, o.ordinal, true)
  view.setUint32(8, stored.length, true)
  view.setUint32(12, payload.length, true)
  view.setUint32(16, o.rows, true)
  view.setUint8(20, o.encoding)
  view.setUint8(21, compressed ? 1 : 0)
  view.setUint8(22, o.hasNulls ? 1 : 0)
  view.setUint8(23, 0)
  block.set(stored, blockHeaderBytes)
  block.fill(0, blockHeaderBytes + stored.length)
  view.setUint32(0, crc32(block.subarray(4)), true)
  return block
}

/** Whether the codec was used. */
export function isCompressed(block: Uint8Array): boolean {
  return block[21] === 1
}

/** The same block with another ordinal, for a copy of it in another file; the block itself if it has it already. */
export function renumberBlock(block: Uint8Array, ordinal: number): Uint8Array {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  if (view.getUint32(4, true) === ordinal) return block
  const copy = block.slice()
  const copyView = new DataView(copy.buffer)
  copyView.setUint32(4, ordinal, true)
  copyView.setUint32(0, crc32(copy.subarray(4)), true)
  return copy
}

/** Where a block was read from, for errors. */
export interface BlockPlace {
  readonly path: string
  readonly offset: number
  readonly ordinal: number
}

/** Checks a block as read and opens it. CORRUPTION { path, offset, block } if it is not what was written there. */
export function openBlock(bytes: Uint8Array, place: BlockPlace, codec: Codec | undefined): Block {
  const header = checkBlock(bytes, place)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stored = bytes.subarray(blockHeaderBytes, blockHeaderBytes + view.getUint32(8, true))
  return { ...header, payload: header.compressed ? decompress(stored, view.getUint32(12, true), place, codec) : stored }
}

/** As `openBlock`, without the payload: for whoever copies the block as it is. */
export function checkBlock(bytes: Uint8Array, place: BlockPlace): Omit<Block, 'payload'> {
  if (bytes.length < blockHeaderBytes) throw blockCorruption(place, 'the file ends within it')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== crc32(bytes.subarray(4))) throw blockCorruption(place, 'its checksum does not match')
  const ordinal = view.getUint32(4, true)
  if (ordinal !== place.ordinal) throw blockCorruption(place, `it is block ${ordinal}`)
  if (blockSizeBytes(view.getUint32(8, true)) !== bytes.length) throw blockCorruption(place, 'its size is not that of the directory')
  return {
    ordinal,
    rows: view.getUint32(16, true),
    encoding: view.getUint8(20),
    compressed: isCompressed(bytes),
    hasNulls: view.getUint8(22) === 1,
  }
}

function decompress(stored: Uint8Array, sizeBytes: number, place: BlockPlace, codec: Codec | undefined): Uint8Array {
  if (codec === undefined) throw blockCorruption(place, 'it is compressed, and the file names no codec')
  let plain: Uint8Array
  try {
    plain = codec.decompress(stored, sizeBytes)
  } catch (cause) {
    throw blockCorruption(place, `the codec '${codec.name}' failed`, cause)
  }
  if (plain.length !== sizeBytes)
    throw blockCorruption(place, `the codec '${codec.name}' gave ${plain.length} bytes instead of ${sizeBytes}`)
  // A buffer of its own, so that it is aligned, and so that a cached block keeps no more alive than it counts.
  return plain.byteOffset === 0 && plain.buffer.byteLength === sizeBytes ? plain : plain.slice()
}

/** The error for a damaged block. */
export function blockCorruption(place: BlockPlace, what: string, cause?: unknown): VarveError {
  return new VarveError(
    'CORRUPTION',
    `${place.path}: block ${place.ordinal} at offset ${place.offset} is damaged: ${what}. Restore the file from a checkpoint.`,
    {
      context: { path: place.path, offset: place.offset, block: place.ordinal },
      ...(cause === undefined ? {} : { cause }),
    },
  )
}
