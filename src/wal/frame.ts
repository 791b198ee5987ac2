import { crc32 } from '../base/crc32.ts'

/**
 * The frame around every record of a WAL segment and of a manifest. All numbers little-endian; frames follow each
 * other without gaps, each at a multiple of 8.
 *
 *     0  u32  length of the payload in bytes, a multiple of 8
 *     4  u32  CRC-32 of bytes 8 to the payload's end, seeded with `frameSeed` of the file
 *     8  u8   type
 *     9  u8   0
 *    10  u16  0x5646
 *    12  u32  sequence: of a fragment within its batch, of an edit within its manifest; for any other frame of the
 *             log the number of the segment's predecessor (modulo 2^32)
 *    16  u64  position of this frame in its file
 *    24  u64  bytes of the file, from its start, that were known to be synced when the frame was written
 *    32       payload
 *
 * The seed (file kind and number) and the position make sure that bytes of another file, or of another place, are
 * never taken for a frame. The synced length is what tells damage from a torn tail: see `findSyncProof`.
 */
export const frameHeaderBytes = 32

/** What a frame holds. `record`: a batch or an edit. `fragment`, `commit`: a large batch in parts. `synced`: nothing; it only says how much is synced. */
export const frameTypes = { record: 1, fragment: 2, commit: 3, synced: 4 } as const
export type FrameTypeName = keyof typeof frameTypes

const frameMarker = 0x5646

/** A file read whole: its bytes at an 8-byte aligned place in their buffer, and the seed of its frames. */
export interface FramedFile {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly seed: number
}

/** A frame whose checksum is right. Positions are in the file. */
export interface Frame {
  readonly type: number
  readonly sequence: number
  readonly position: number
  readonly payloadStart: number
  readonly payloadEnd: number
  readonly syncedBytes: number
}

/** The seed of a file's frame checksums: CRC-32 of its 8-byte magic and its number. */
export function frameSeed(magic: string, fileNumber: number): number {
  const identity = new Uint8Array(16)
  for (let i = 0; i < 8; i++) identity[i] = magic.charCodeAt(i)
  writeU64(new DataView(identity.buffer), 8, fileNumber)
  return crc32(identity)
}

/** Prepares the bytes of a whole file for reading frames; copies them if they are not aligned. */
export function framedFile(bytes: Uint8Array, seed: number): FramedFile {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  return { bytes: aligned, view: new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength), seed }
}

/** Bytes 8 to 12 of a frame, as a number. */
export function frameWord(type: number): number {
  return type + frameMarker * 0x1_0000
}

/** Writes a frame's header but for what `sealFrame` adds. The payload begins `frameHeaderBytes` further on. */
export function beginFrame(view: DataView, offset: number, type: number, sequence: number, payloadBytes: number): void {
  view.setUint32(offset, payloadBytes, true)
  view.setUint32(offset + 8, frameWord(type), true)
  view.setUint32(offset + 12, sequence, true)
}

/** Completes a frame at `offset` of a buffer, to be written at `position` of its file. Returns its checksum. */
export function sealFrame(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  o: { seed: number; position: number; syncedBytes: number },
): number {
  writeU64(view, offset + 16, o.position)
  writeU64(view, offset + 24, o.syncedBytes)
  const end = offset + frameHeaderBytes + view.getUint32(offset, true)
  const checksum = crc32(bytes.subarray(offset + 8, end), o.seed)
  view.setUint32(offset + 4, checksum, true)
  return checksum
}

/** The frame at a position, or undefined if there is none that is whole and has the right checksum. */
export function readFrame(file: FramedFile, position: number): Frame | undefined {
  return frameProblem(file, position) === undefined ? frameAt(file.view, position) : undefined
}

/** What is wrong with the frame at a position; undefined: nothing. */
export function frameProblem({ bytes, view, seed }: FramedFile, position: number): string | undefined {
  if (position + frameHeaderBytes > bytes.length) return 'the file ends within the header of a record'
  if (view.getUint16(position + 10, true) !== frameMarker || view.getUint8(position + 9) !== 0) return 'no record begins here'
  const payloadBytes = view.getUint32(position, true)
  const end = position + frameHeaderBytes + payloadBytes
  if (payloadBytes % 8 !== 0) return 'the length of the record is impossible'
  if (readU64(view, position + 16) !== position) return 'the record was written for another place'
  if (end > bytes.length) return 'the file ends within a record'
  if (crc32(bytes.subarray(position + 8, end), seed) !== view.getUint32(position + 4, true)) return 'the checksum of the record is wrong'
  return undefined
}

/** A later record that proves that bytes from `damaged` on had been synced. */
export interface SyncProof {
  readonly position: number
  readonly syncedBytes: number
}

/**
 * Looks behind damage for whole frames written when the file was known to be synced past it. If there is one, what
 * is damaged had been durable; if not, the file is torn there, as a power cut may leave any bytes not yet synced.
 */
export function findSyncProof(file: FramedFile, damaged: number): SyncProof | undefined {
  let proof: SyncProof | undefined
  for (let position = damaged + 8 - (damaged % 8); position + frameHeaderBytes <= file.bytes.length; position += 8) {
    if (file.view.getUint16(position + 10, true) !== frameMarker) continue
    const frame = readFrame(file, position)
    if (frame && frame.syncedBytes > Math.max(damaged, proof?.syncedBytes ?? 0)) proof = { position, syncedBytes: frame.syncedBytes }
  }
  return proof
}

function frameAt(view: DataView, position: number): Frame {
  return {
    type: view.getUint8(position + 8),
    sequence: view.getUint32(position + 12, true),
    position,
    payloadStart: position + frameHeaderBytes,
    payloadEnd: position + frameHeaderBytes + view.getUint32(position, true),
    syncedBytes: readU64(view, position + 24),
  }
}

/** Writes a whole number from 0 to 2^53 − 1 as a u64. */
export function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 0x1_0000_0000, true)
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true)
}

/** A u64, exact up to 2^53 − 1. */
export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000
}
